using AlignProp.Adapters;
using AlignProp.Adapters.Inspection;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Configuration;

/// <summary>
/// Looks at a model's and a reward's folder before anything starts: all parts there, headers readable, keys and shapes as the
/// configurations say. The nodes check every weight again when they load it.
/// </summary>
public static class ModelFolderCheck
{
    private static readonly string[] Files =
        ["model_index.json", "unet/config.json", "vae/config.json", "text_encoder/config.json",
            "scheduler/scheduler_config.json", "tokenizer/vocab.json", "tokenizer/merges.txt"];

    private static readonly string[] ConfigFiles = ["config.json", "open_clip_config.json", "med_config.json",
        "HPS_v2_compressed.pt", "HPS_v2.1_compressed.pt"];

    /// <exception cref="ConfigException">Names the file, the key, the shape found and the shape expected.</exception>
    public static void Model(string folder, string tokenizer = "")
    {
        if (File.Exists(folder))
        {
            SingleFile(folder, tokenizer);
            return;
        }
        if (!Directory.Exists(folder))
        {
            throw new ConfigException(
                $"{folder}: folder not found (model.path); expected a diffusers folder with model_index.json, or a single-file "
                + $"checkpoint");
        }
        foreach (var file in Files.Select(f => Path.Combine(folder, f)).Where(f => !File.Exists(f)))
        {
            throw new ConfigException(
                $"{file}: file not found; model.path must be a whole diffusers folder (unet, vae, text_encoder, tokenizer, "
                + $"scheduler)");
        }
        RequireNoProblems(folder);
    }

    private static void SingleFile(string path, string tokenizer)
    {
        try
        {
            using var file = WeightFiles.Open(path);
            foreach (var prefix in new[] { LdmNames.UNetPrefix,
                LdmNames.VaePrefix }.Where(p => !file.Tensors.Keys.Any(k => k.StartsWith(p, StringComparison.Ordinal))))
            {
                throw new ConfigException(
                    $"{path}: no key begins with {prefix} (model.path); expected a single-file Stable Diffusion checkpoint, or a "
                    + $"diffusers folder");
            }
        }
        catch (WeightFileException e)
        {
            throw new ConfigException(e.Message);
        }
        if (tokenizer.Length == 0)
        {
            throw new ConfigException(
                $"{path}: a single file has no tokenizer; set model.tokenizer to a folder with CLIP's vocab.json and merges.txt "
                + $"(the tokenizer folder of any Stable Diffusion)");
        }
        foreach (var name in new[] { "vocab.json", "merges.txt" }.Select(n => Path.Combine(tokenizer, n))
            .Where(f => !File.Exists(f)))
        {
            throw new ConfigException(
                $"{name}: file not found (model.tokenizer); expected a folder with CLIP's vocab.json and merges.txt");
        }
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
            throw new ConfigException(
                $"{key}.words is empty: {term.Name} needs what the detector looks for; e.g. words = [\"a book\"]");
        }
        if (term.IsRelative && !entry.Prompt)
        {
            throw new ConfigException($"{key}.good-words and bad-words: {term.Name} does not read the prompt; expected one of "
                + string.Join(", ", RewardCatalog.All.Where(e => e.Prompt).Select(e => e.Name)));
        }
        switch (entry.Files)
        {
            case RewardFiles.Folder when !ConfigFiles.Any(f => File.Exists(Path.Combine(term.Path, f))):
                throw new ConfigException(
                    $"{Path.Combine(term.Path, "config.json")}: file not found ({key}.path); expected the folder of a "
                    + $"{term.Name} reward model");
            case RewardFiles.Folder when RewardFingerprint.ClipFolder(term.Path) is { } clip && !Directory.Exists(clip):
                throw new ConfigException(
                    $"{clip}: folder not found; \"clip\" of {Path.Combine(term.Path, "config.json")} names it");
            case RewardFiles.File when !File.Exists(term.Path):
                throw new ConfigException(
                    $"{term.Path}: file not found ({key}.path); expected name = \"torchscript:FILE\" with a file that "
                    + $"torch.jit.save wrote");
        }
    }

    private static void RequireNoProblems(string folder)
    {
        try
        {
            if (Inspector.Inspect(folder).Problems is { Count: > 0 } problems)
            {
                throw new ConfigException(
                    $"{folder}: {problems[0]}{(problems.Count == 1 ? "" : $" (and more: alignprop inspect {folder})")}");
            }
        }
        catch (WeightFileException e)
        {
            throw new ConfigException(e.Message);
        }
    }
}
