using AlignProp.Adapters;
using AlignProp.Adapters.Inspection;
using AlignProp.Adapters.Planning;
using AlignProp.Coordinator.Configuration;
using AlignProp.Coordinator.Methods;
using AlignProp.Coordinator.Runs;
using AlignProp.Coordinator.Storage;
using AlignProp.Messages.Configuration;

namespace AlignProp.Cli.Sessions;

/// <summary>Finds, opens and checks runs: what several commands need before they begin.</summary>
internal static class RunFolder
{
    /// <exception cref="ConfigException">Not usable as a folder's and an actor's name.</exception>
    public static string CheckId(string id) => id.Length is > 0 and <= 100 && id[0] != '.'
        && id.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.')
        ? id
        : throw new ConfigException($"--id {id}: expected up to 100 letters, digits, '-', '_' and '.'");

    public static bool Exists(string runs, string id, string? database) =>
        database is not null ? RunCatalog.Contains(database, id) : File.Exists(new RunDirectory(Path.Combine(runs, id)).Config);

    /// <summary>A run of this machine's folder, or of the database.</summary>
    /// <param name="expected">What the run must be configured as; null = whatever it is.</param>
    /// <exception cref="ConfigException">There is no such run, or it is configured otherwise.</exception>
    public static RunSession Open(string runs, string? id, SessionOptions options, RunConfig? expected = null)
    {
        if (options.Coordinator.Database is { } database && id is not null)
        {
            var run = RunCatalog.Find(database, id);
            var there = new RunDirectory(Path.Combine(WritableFolder(runs), id));
            Directory.CreateDirectory(there.Folder);
            DurableFile.Replace(there.Config, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(run.Config)));
            var config = RunFile.Load(there.Config, []);
            CheckSame(id, config, expected);
            LocalDevices.Require(config, options.Nodes);
            CheckModels(config);
            return new RunSession(config, there, run.Training, run.HeldOut, options);
        }
        var directory = RunDirectory.Find(runs, id);
        var resumed = RunFile.Load(directory.Config, []);
        CheckSame(directory.Id, resumed, expected);
        LocalDevices.Require(resumed, options.Nodes);
        var (training, heldOut, _) = Check(resumed);
        return new RunSession(resumed, directory, training, heldOut, options);
    }

    private static void CheckSame(string id, RunConfig config, RunConfig? expected)
    {
        if (expected is null)
        {
            return;
        }
        var wanted = RunFileWriter.Render(expected).Split('\n');
        if (RunFileWriter.Render(config).Split('\n').Except(wanted).FirstOrDefault() is { } line)
        {
            throw new ConfigException(
                $"{id} exists, with \"{line.Trim()}\", which this run file has otherwise; give the run another --id");
        }
    }

    /// <summary>Everything that can be wrong is found before anything is written.</summary>
    /// <returns>The prompts, and what is not as it is written: settings that are corrected, prompts that are cut.</returns>
    public static (IReadOnlyList<string> Training, IReadOnlyList<string> HeldOut, IReadOnlyList<string> Notices) Check(
        RunConfig config)
    {
        var training = PromptFile.Load("prompts.training", config.Prompts.Training);
        var heldOut = PromptFile.Load("prompts.held-out", config.Prompts.HeldOut);
        var plan = CheckModels(config);
        return (training, heldOut, [.. plan.Notices, .. PromptCuts.Of(plan,
            [.. training, .. heldOut, config.Sampling.NegativePrompt], config.Reward.Sum.Concat(config.Evaluation.Rewards))]);
    }

    private static ModelPlan CheckModels(RunConfig config)
    {
        var plan = ModelFolderCheck.Model(config.Model.Path, config.Model.Tokenizer, config.Model.Prediction);
        ModelFolderCheck.Size(plan, config.Sampling.Height, config.Sampling.Width);
        ModelFolderCheck.Rewards(config);
        MethodCatalog.Of(config);
        _ = new WatchedRewards(config);
        LoraLayoutReader.Read(config.Model.Path, config.Lora.Targets);
        StartingAdapter.Check(config);
        // Last, for it reads every byte: else each node would find out for itself.
        foreach (var path in config.Reward.Sum.Concat(config.Evaluation.Rewards).Select(t => t.Path).Prepend(config.Model.Path)
            .Where(p => p.Length > 0).Distinct())
        {
            FiniteFiles.Require(path);
        }
        return plan;
    }

    public static string WritableFolder(string folder)
    {
        try
        {
            var existed = Directory.Exists(folder);
            Directory.CreateDirectory(folder);
            var probe = Path.Combine(folder, $".{Guid.NewGuid():N}.tmp");
            File.WriteAllText(probe, "");
            File.Delete(probe);
            if (!existed)
            {
                Directory.Delete(folder);
            }
            return Path.GetFullPath(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigException($"{folder}: cannot be written to ({e.Message}); choose another folder with --runs");
        }
    }
}
