using AlignProp.Adapters;
using AlignProp.Adapters.Inspection;

namespace AlignProp.Coordinator.Configuration;

/// <summary>
/// Looks at a model's and a reward's folder before anything starts: all parts there, headers readable, keys and shapes as the
/// configurations say. The nodes check every weight again when they load it.
/// </summary>
public static class ModelFolderCheck
{
    private static readonly string[] Files =
        ["model_index.json", "unet/config.json", "vae/config.json", "text_encoder/config.json", "scheduler/scheduler_config.json", "tokenizer/vocab.json", "tokenizer/merges.txt"];

    private static readonly string[] Rewards = ["aesthetic", "brightness", "clip", "detector", "hps", "jpeg-size", "pickscore", "preference"];

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
            throw new ConfigException($"{folder}: folder not found (model.path); expected a diffusers folder with model_index.json, or a single-file checkpoint");
        }
        foreach (var file in Files.Select(f => Path.Combine(folder, f)).Where(f => !File.Exists(f)))
        {
            throw new ConfigException($"{file}: file not found; model.path must be a whole diffusers folder (unet, vae, text_encoder, tokenizer, scheduler)");
        }
        RequireNoProblems(folder);
    }

    private static void SingleFile(string path, string tokenizer)
    {
        try
        {
            using var file = WeightFiles.Open(path);
            foreach (var prefix in new[] { LdmNames.UNetPrefix, LdmNames.VaePrefix }.Where(p => !file.Tensors.Keys.Any(k => k.StartsWith(p, StringComparison.Ordinal))))
            {
                throw new ConfigException($"{path}: no key begins with {prefix} (model.path); expected a single-file Stable Diffusion checkpoint, or a diffusers folder");
            }
        }
        catch (WeightFileException e)
        {
            throw new ConfigException(e.Message);
        }
        if (tokenizer.Length == 0)
        {
            throw new ConfigException($"{path}: a single file has no tokenizer; set model.tokenizer to a folder with CLIP's vocab.json and merges.txt (the tokenizer folder of any Stable Diffusion)");
        }
        foreach (var name in new[] { "vocab.json", "merges.txt" }.Select(n => Path.Combine(tokenizer, n)).Where(f => !File.Exists(f)))
        {
            throw new ConfigException($"{name}: file not found (model.tokenizer); expected a folder with CLIP's vocab.json and merges.txt");
        }
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

    private static void RequireNoProblems(string folder)
    {
        try
        {
            if (Inspector.Inspect(folder).Problems is { Count: > 0 } problems)
            {
                throw new ConfigException($"{folder}: {problems[0]}{(problems.Count == 1 ? "" : $" (and more: alignprop inspect {folder})")}");
            }
        }
        catch (WeightFileException e)
        {
            throw new ConfigException(e.Message);
        }
    }
}
