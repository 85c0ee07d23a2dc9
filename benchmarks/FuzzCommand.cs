using System.Diagnostics;
using AlignProp.Adapters.Tests.Fuzz;

namespace AlignProp.Benchmarks;

/// <summary>The long form of the file fuzz tests: <c>fuzz [--count PER-KIND] [--seed N] [--kind KIND]</c>.</summary>
internal static class FuzzCommand
{
    public static int Run(string[] args)
    {
        string Option(string name, string otherwise) => Array.IndexOf(args, name) is >= 0 and var at && at + 1 < args.Length
            ? args[at + 1] : otherwise;
        var (count, seed, kind) = (long.Parse(Option("--count", "200000")), ulong.Parse(Option("--seed", "1")),
            Option("--kind", ""));
        Console.WriteLine("| kind | seed | tried | refused | valid still | crashes | seconds |\n|---|---|---|---|---|---|---|");
        foreach (var one in FileFuzzer.Kinds.Where(k => kind.Length == 0 || k == kind))
        {
            var clock = Stopwatch.StartNew();
            var counts = new FileFuzzer(seed).Run(one, count);
            Console.WriteLine(
                $"| {counts.Kind} | {seed} | {counts.Tried:N0} | {counts.Refused:N0} | {counts.Accepted:N0} | 0 | "
                + $"{clock.Elapsed.TotalSeconds:F0} |");
        }
        return 0;
    }
}
