using System.CommandLine;
using AlignProp.Coordinator.Reports;
using AlignProp.Coordinator.Runs;

namespace AlignProp.Coordinator.Commands;

/// <summary><c>runs</c>: lists the runs of a folder.</summary>
internal static class RunsCommand
{
    public static Command Create(TextWriter output)
    {
        var runs = RunOptions.Runs();
        var command = new Command("runs", "Lists runs.") { runs };
        command.SetAction(parsed =>
        {
            var folder = parsed.GetValue(runs)!;
            foreach (var directory in Directory.Exists(folder) ? Directory.GetDirectories(folder).Order() : Enumerable.Empty<string>())
            {
                var lines = MetricsLog.Read(new RunDirectory(directory).Metrics);
                var held = lines.Where(l => l.Kind == MetricsLine.EvaluationKind).ToList();
                output.WriteLine($"{Path.GetFileName(directory)}   step {lines.Select(l => l.Step).DefaultIfEmpty().Max()}   held-out reward {(held.Count == 0 ? "-" : $"{held[0].RewardMean:F3} -> {held[^1].RewardMean:F3}")}");
            }
        });
        return command;
    }
}
