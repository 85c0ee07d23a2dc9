using System.CommandLine;

namespace AlignProp.Cli.Options;

/// <summary>Options that several commands have.</summary>
internal static class RunOptions
{
    public const string DefaultRuns = "runs";

    public static Option<int?> Nodes() => new(
        "--nodes")
    {
        Description =
        "Local GpuNode processes; 0 = only remote ones. Default: one a GPU, else up to two on the CPU."
    };

    public static Option<string> Runs() =>
        new("--runs") { Description = "Folder of the runs.", DefaultValueFactory = _ => DefaultRuns };

    public static Option<bool> TakeOver() => new("--take-over")
    {
        Description = "Lead the run although another process leads it; that one steps back at its next commit."
    };

    public static Option<string[]> Set() =>
        new("--set") { Description = "key=value of the run file, e.g. --set batch.size=8; may repeat." };
}
