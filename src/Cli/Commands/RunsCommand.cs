using System.CommandLine;
using AlignProp.Cli.Display;
using AlignProp.Cli.Options;
using AlignProp.Coordinator.Storage;
using AlignProp.Messages.Configuration;
using AlignProp.Reports;
using AlignProp.Web.Status;

namespace AlignProp.Cli.Commands;

/// <summary><c>runs</c>: the runs of a folder, or of a database.</summary>
internal static class RunsCommand
{
    /// <param name="State">running, ended, failed, interrupted.</param>
    private sealed record Row(string Run, string State, int Step, double? RewardBefore, double? RewardAfter, double? Diversity,
        string Reward, DateTime Started);

    public static Command Create(TextWriter output)
    {
        var (runs, json) = (RunOptions.Runs(), JsonOutput.Option());
        var database = new Option<string?>("--database")
        { Description = $"List the runs of a PostgreSQL database instead (or {RunStorage.Variable})." };
        var command = new Verb("runs", "Lists runs: state, steps, held-out reward before and after.",
            "alignprop runs",
            "alignprop runs --json")
        {
            runs, database, json,
        };
        command.SetAction(parsed =>
        {
            var storage = RunStorage.From(parsed.GetValue(database));
            storage.Check();
            var rows = storage.Database is { } text ? OfDatabase(text) : OfFolder(parsed.GetValue(runs)!);
            if (parsed.GetValue(json))
            {
                JsonOutput.Write(output, rows);
                return;
            }
            if (rows.Count == 0)
            {
                output.WriteLine("no runs; start one with: alignprop train");
                return;
            }
            TextTable.Write(output, ["run", "state", "step", "held-out reward", "diversity", "reward", "started"],
                rows.Select(r => (string[])
                [r.Run, r.State == "interrupted" ? $"interrupted at step {r.Step}" : r.State,
                    $"{r.Step}", r.RewardBefore is null ? "-" : $"{r.RewardBefore:F3} -> {r.RewardAfter:F3}",
                    r.Diversity is null ? "-" : $"{r.Diversity:F3}", r.Reward, $"{r.Started:yyyy-MM-dd HH:mm}"]));
        });
        return command;
    }

    private static List<Row> OfFolder(string folder) => [.. RunDirectory.All(folder).Select(OfRun)];

    private static Row OfRun(RunDirectory directory)
    {
        var lines = MetricsLog.Read(directory.Metrics);
        var held = lines.Where(l => l.Kind == MetricsLine.EvaluationKind).ToList();
        var state = RunLead.IsLed(directory) ? "running"
            : new RunHistory(directory).Status()?.Run.State is "failed" ? "failed"
            : lines is [.., { Kind: MetricsLine.StopKind }] ? "ended" : "interrupted";
        return new Row(directory.Id, state, lines.Select(l => l.Step).DefaultIfEmpty().Max(), held.FirstOrDefault()?.RewardMean,
            held.LastOrDefault()?.RewardMean, held.LastOrDefault()?.Diversity,
            RewardOf(directory), RunFacts.Of(directory).Started.LocalDateTime);
    }

    private static List<Row> OfDatabase(string database) =>
        [.. RunCatalog.All(database).Select(r => new Row(r.Id, r.State, r.Step, null, null, null, "", r.Created))];

    private static string RewardOf(RunDirectory directory)
    {
        try
        {
            return RunFile.Load(directory.Config, []).Reward.Summary;
        }
        catch (ConfigException)
        {
            // A run of another version is still listed.
            return "?";
        }
    }
}
