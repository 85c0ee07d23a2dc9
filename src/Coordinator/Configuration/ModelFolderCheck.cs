using System.Text.Json;
using AlignProp.Adapters;

namespace AlignProp.Coordinator.Configuration;

/// <summary>
/// Looks at a model's and a reward's folder before anything starts: all parts there, headers readable, shapes as the
/// configuration says. The nodes check every weight again when they load it.
/// </summary>
public static class ModelFolderCheck
{
    private static readonly string[] Files =
        ["model_index.json", "unet/config.json", "vae/config.json", "text_encoder/config.json", "scheduler/scheduler_config.json", "tokenizer/vocab.json", "tokenizer/merges.txt"];

    private static readonly (string Folder, string Name)[] Weights =
        [("unet", "diffusion_pytorch_model"), ("vae", "diffusion_pytorch_model"), ("text_encoder", "model")];

    /// <exception cref="ConfigException">Names the file, the key, the shape found and the shape expected.</exception>
    public static void Model(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new ConfigException($"{folder}: folder not found (model.path); expected a diffusers folder with model_index.json");
        }
        foreach (var file in Files.Select(f => Path.Combine(folder, f)).Where(f => !File.Exists(f)))
        {
            throw new ConfigException($"{file}: file not found; model.path must be a whole diffusers folder (unet, vae, text_encoder, tokenizer, scheduler)");
        }
        var shapes = Weights.ToDictionary(w => w.Folder, w => Shapes(folder, w.Folder, w.Name));
        RequireShape(folder, "unet", shapes["unet"], "conv_in.weight", "block_out_channels", json => [json.GetProperty("block_out_channels")[0].GetInt64(), json.GetProperty("in_channels").GetInt64(), 3, 3]);
        RequireShape(folder, "text_encoder", shapes["text_encoder"], "text_model.embeddings.token_embedding.weight", "vocab_size, hidden_size",
            json => [json.GetProperty("vocab_size").GetInt64(), json.GetProperty("hidden_size").GetInt64()]);
        RequireShape(folder, "vae", shapes["vae"], "post_quant_conv.weight", "latent_channels",
            json => [json.GetProperty("latent_channels").GetInt64(), json.GetProperty("latent_channels").GetInt64(), 1, 1]);
    }

    /// <summary>All rewards of a run: those trained on and those only evaluated.</summary>
    /// <exception cref="ConfigException">No such reward, its files are not there, or it lacks its words.</exception>
    public static void Rewards(RunConfig config)
    {
        foreach (var (term, i) in config.Reward.Sum.Select((t, i) => (t, i)))
        {
            Reward(config.Reward.Terms.Count > 0 ? $"reward.terms[{i}]" : "reward", term);
        }
        foreach (var (term, i) in config.Evaluation.Rewards.Select((t, i) => (t, i)))
        {
            Reward($"evaluation.rewards[{i}]", term);
        }
    }

    private static void Reward(string key, RewardTermConfig term)
    {
        if (RewardCatalog.Find(term.Name) is not { } entry)
        {
            throw new ConfigException($"{key}.name = {term.Name}: expected one of {string.Join(", ", RewardCatalog.Names)}");
        }
        if (entry.Words && term.Words.Count == 0)
        {
            throw new ConfigException($"{key}.words is empty: {term.Name} needs what the detector looks for; e.g. words = [\"a book\"]");
        }
        switch (entry.Files)
        {
            case RewardFiles.Folder when !ConfigFiles.Any(f => File.Exists(Path.Combine(term.Path, f))):
                throw new ConfigException($"{Path.Combine(term.Path, "config.json")}: file not found ({key}.path); expected the folder of a {term.Name} reward model");
            case RewardFiles.Folder when RewardFingerprint.ClipFolder(term.Path) is { } clip && !Directory.Exists(clip):
                throw new ConfigException($"{clip}: folder not found; \"clip\" of {Path.Combine(term.Path, "config.json")} names it");
            case RewardFiles.File when !File.Exists(term.Path):
                throw new ConfigException($"{term.Path}: file not found ({key}.path); expected name = \"torchscript:FILE\" with a file that torch.jit.save wrote");
        }
    }

    private static readonly string[] ConfigFiles = ["config.json", "open_clip_config.json", "med_config.json", "HPS_v2_compressed.pt", "HPS_v2.1_compressed.pt"];

    private static IReadOnlyDictionary<string, long[]> Shapes(string folder, string part, string name)
    {
        try
        {
            using var file = WeightFiles.Open(WeightFiles.Find(Path.Combine(folder, part), name));
            return file.Tensors.ToDictionary(t => t.Key, t => t.Value.Shape);
        }
        catch (WeightFileException e)
        {
            throw new ConfigException(e.Message);
        }
    }

    private static void RequireShape(string folder, string part, IReadOnlyDictionary<string, long[]> shapes, string key, string from, Func<JsonElement, long[]> expected)
    {
        var config = Path.Combine(folder, part, "config.json");
        long[] wanted;
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(config));
            wanted = expected(json.RootElement);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new ConfigException($"{config}: cannot read {from} ({e.Message.Split('\n')[0]})");
        }
        if (!shapes.TryGetValue(key, out var found) || !found.SequenceEqual(wanted))
        {
            throw new ConfigException($"{Path.Combine(folder, part)}: {key} has shape [{string.Join(", ", found ?? [])}], expected [{string.Join(", ", wanted)}] from {from} of config.json");
        }
    }
}
