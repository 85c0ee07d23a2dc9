using AlignProp.Adapters;
using AlignProp.Coordinator.Runs;
using AlignProp.Coordinator.Storage;
using AlignProp.Messages.Configuration;
using AlignProp.Reports;

namespace AlignProp.Cli.Takeaway;

/// <summary>The adapter that is to be exported: of a run, or any LoRA file.</summary>
/// <param name="Name">The run's id, or the file's name without its ending.</param>
/// <param name="Run">Null for a file.</param>
/// <param name="Note">What of a file was left out, or null.</param>
internal sealed record AdapterSource(string Name, LoraWeights Weights, RunRecord? Run, string? Note)
{
    /// <param name="text">A run's id, or the path of a LoRA file or folder.</param>
    /// <param name="model">Model that a file is for, which says what its names mean; null = not known.</param>
    /// <exception cref="ConfigException">Neither, or a run without a committed step.</exception>
    public static AdapterSource Find(string runs, string text, string? model = null)
    {
        if (RunOf(runs, text) is { } directory)
        {
            return OfRun(directory);
        }
        text = HubFolder.Resolve(text);
        if (!Path.Exists(text))
        {
            RunDirectory.Find(runs, text);
        }
        var imported = LoraFile.Import(text, model is null ? null : LoraLayoutReader.Read(model));
        return new AdapterSource(Path.GetFileNameWithoutExtension(Path.TrimEndingDirectorySeparator(text)), imported.Weights,
            null, imported.Note(text));
    }

    /// <summary>The run of that id or folder; null where it is none.</summary>
    public static RunDirectory? RunOf(string runs, string text) =>
        File.Exists(new RunDirectory(Path.Combine(runs, text)).Config) ? RunDirectory.Find(runs, text)
        : File.Exists(Path.Combine(text, "run.conf")) ? new RunDirectory(Path.GetFullPath(text))
        : null;

    /// <summary>
    /// The blob of the last step, whose alpha is its own; the file of other tools where blobs are in a database.
    /// </summary>
    private static AdapterSource OfRun(RunDirectory directory)
    {
        var run = RunRecord.Read(directory);
        if (run.AdapterSha256 is { } hash && Path.Combine(directory.Blobs, hash + ".safetensors") is var blob
            && File.Exists(blob))
        {
            var weights = LoraWeights.Load(blob);
            return weights.Sha256 == hash
                ? new AdapterSource(directory.Id, weights, run, null)
                : throw new ConfigException(
                    $"{blob}: the bytes do not have the hash in the file's name (damaged); alignprop resume computes the step "
                    + $"again");
        }
        return File.Exists(directory.Adapter)
            ? new AdapterSource(directory.Id, LoraFile.Read(directory.Adapter), run, null)
            : throw new ConfigException($"{directory.Id}: no step is committed yet, so there is no adapter to export");
    }
}
