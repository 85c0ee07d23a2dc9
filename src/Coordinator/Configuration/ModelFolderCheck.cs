using AlignProp.Adapters;
using AlignProp.Adapters.Inspection;
using AlignProp.Adapters.Planning;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Configuration;

/// <summary>
/// Looks at a model and at rewards before anything starts, as the loader does: configurations, tokenizer, headers, keys and
/// shapes. The nodes check every weight again when they load it.
/// </summary>
public static class ModelFolderCheck
{
    /// <returns>What the path holds.</returns>
    /// <exception cref="ConfigException">Names the file, the key, what was found and what is expected.</exception>
    public static ModelPlan Model(string path, string tokenizer = "", string prediction = "auto")
    {
        if (!Path.Exists(path))
        {
            throw new ConfigException(
                $"{path}: folder not found (model.path); expected a diffusers folder with model_index.json, or a single-file "
                + $"checkpoint");
        }
        try
        {
            var plan = ModelPlan.Of(path, new ModelOptions(tokenizer, prediction == "auto" ? "" : prediction));
            List<string> problems = [.. plan.Problems, .. plan.WeightProblems()];
            return problems.Count == 0 ? plan : throw new ConfigException(
                $"{(problems[0].Contains(path, StringComparison.Ordinal) ? "" : $"{path}: ")}{problems[0]} (model.path)"
                + (problems.Count == 1 ? "" : $"; {problems.Count - 1} more: alignprop inspect {path}"));
        }
        catch (ModelFileException e)
        {
            throw new ConfigException(e.Message);
        }
    }

    /// <summary>Whether pictures of that size can be made with a model.</summary>
    /// <exception cref="ConfigException">A side is not a multiple of the VAE's factor.</exception>
    public static void Size(ModelPlan plan, int height, int width)
    {
        var factor = plan.Vae!.DownscaleFactor;
        if (height % factor != 0 || width % factor != 0)
        {
            throw new ConfigException($"sampling.height x width = {height} x {width}: expected multiples of {factor}, the pixels "
                + $"of a latent of {plan.Path}");
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
        if (entry.Files == RewardFiles.File && !File.Exists(term.Path))
        {
            throw new ConfigException(
                $"{term.Path}: file not found ({key}.path); expected name = \"torchscript:FILE\" with a file that "
                + $"torch.jit.save wrote");
        }
        if (entry.Files == RewardFiles.Folder)
        {
            if (!Directory.Exists(term.Path))
            {
                throw new ConfigException(
                    $"{Path.Combine(term.Path, "config.json")}: file not found ({key}.path); expected the folder of a "
                    + $"{term.Name} reward model");
            }
            if (RewardInspection.Problems(term.Name, term.Path) is { Count: > 0 } problems)
            {
                throw new ConfigException($"{problems[0]} ({key}.path)");
            }
        }
    }
}
