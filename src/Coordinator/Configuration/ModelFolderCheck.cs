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

    private static readonly string[] Rewards = ["aesthetic", "brightness", "clip", "detector", "hps", "jpeg-size", "pickscore", "preference"];

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

    /// <exception cref="ConfigException">No such reward, or its folder is not there.</exception>
    public static void Reward(string name, string folder)
    {
        if (!Rewards.Contains(name))
        {
            throw new ConfigException($"reward.name = {name}: expected one of {string.Join(", ", Rewards)}");
        }
        if (name != "brightness" && !File.Exists(Path.Combine(folder, "config.json")))
        {
            throw new ConfigException($"{Path.Combine(folder, "config.json")}: file not found (reward.path); expected the folder of a {name} reward model");
        }
    }

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
