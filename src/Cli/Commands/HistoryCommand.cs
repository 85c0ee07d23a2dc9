using System.CommandLine;
using AlignProp.Cli.Display;
using AlignProp.Cli.Options;
using AlignProp.Coordinator.Storage;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;
using AlignProp.Reports;
using AlignProp.Web.Status;

namespace AlignProp.Cli.Commands;

/// <summary><c>history RUN</c>: what happened in a run, in order, from its journal and its metrics.</summary>
internal static class HistoryCommand
{
    /// <param name="CoordinatorTerm">
    /// Of a step: the term of the coordinator that committed it, where the journal is at hand.
    /// </param>
    private sealed record StepRow(int Step, double? Reward, double? Std, double? Loss, double? GradNorm, IReadOnlyList<int>? K,
        double? Seconds, string? Adapter, int? CoordinatorTerm);

    private sealed record Election(int Term, string Host, DateTimeOffset Time);

    private sealed record History(string Run, IReadOnlyList<StepRow> Steps, IReadOnlyList<MetricsLine> Evaluations,
        IReadOnlyList<Election> Elections, IReadOnlyList<EventLine> Events, string? Reason);

    public static Command Create(TextWriter output)
    {
        var id = new Argument<string?>("run-id") { Description = "Default: the newest run.", Arity = ArgumentArity.ZeroOrOne };
        id.CompletionSources.Add(_ => Interactive.Words.Runs(RunOptions.DefaultRuns));
        var (runs, json) = (RunOptions.Runs(), JsonOutput.Option());
        var database = new Option<string?>("--database")
        {
            Description =
            $"Read the journal of a PostgreSQL database (or {RunStorage.Variable}); the run's id is needed."
        };
        var command = new Verb("history",
            "Shows what happened in a run: every step with reward, K, seconds and the adapter's hash, "
                + "evaluations, elections, events.",
            "alignprop history",
            "alignprop history RUN-ID --json")
        {
            id, runs, database, json,
        };
        command.SetAction(parsed =>
        {
            var storage = RunStorage.From(parsed.GetValue(database));
            var history = storage.Database is { } text ? OfDatabase(storage, text, parsed.GetValue(id))
                : OfFolder(RunDirectory.Find(parsed.GetValue(runs)!, parsed.GetValue(id)));
            if (parsed.GetValue(json))
            {
                JsonOutput.Write(output, history);
                return;
            }
            Print(output, history);
        });
        return command;
    }

    private static History OfFolder(RunDirectory directory)
    {
        var run = RunRecord.Read(directory);
        var terms = run.Journal.Select(j => j.Event).OfType<StepCommittedEvent>().DistinctBy(e => e.Step)
            .ToDictionary(e => e.Step, e => e.Term);
        return new History(directory.Id,
            [.. run.Steps.Select(s => new StepRow(s.Step, s.RewardMean, s.RewardStd, s.Loss, s.GradNorm, s.Truncations,
                s.Seconds, s.Adapter, terms.TryGetValue(s.Step, out var term) ? term : null))],
            run.Evaluations, Elections(run.Journal), run.Events, run.Stop?.Reason);
    }

    private static History OfDatabase(RunStorage storage, string database, string? run)
    {
        storage.Check();
        var id = run ?? throw new ConfigException("history --database: which run? alignprop runs --database lists them");
        RunCatalog.Find(database, id);
        var journal = RunJournal.Read(database, id);
        var events = journal.Select(j => j.Event).ToList();
        return new History(id,
            [.. events.OfType<StepCommittedEvent>()
                .Select(s => new StepRow(s.Step, s.RewardMean, s.RewardStd, s.Loss, s.GradNorm, s.Truncations, s.Seconds,
                s.AdapterHash.Value, s.Term))],
            [.. events.OfType<EvaluationRecorded>()
                .Select(e => new MetricsLine(MetricsLine.EvaluationKind, e.Step, 0, e.RewardMean, e.RewardStd, e.Diversity))],
            Elections(journal), [], events.OfType<RunEnded>().LastOrDefault()?.Reason);
    }

    private static List<Election> Elections(IReadOnlyList<JournalEntry> journal) =>
        [.. journal.Where(j => j.Event is CoordinatorElected).Select(j => ((CoordinatorElected)j.Event, j.Time))
            .Select(e => new Election(e.Item1.Term, e.Item1.Host, e.Time))];

    private static void Print(TextWriter output, History history)
    {
        output.WriteLine(history.Run);
        TextTable.Write(output, ["step", "reward", "std", "loss", "|g|", "K", "seconds", "by", "adapter"],
            history.Steps.Select(s => (string[])
            [$"{s.Step}", $"{s.Reward:F3}", $"{s.Std:F3}", $"{s.Loss:F3}", $"{s.GradNorm:F3}", string.Join(",", s.K ?? []),
                $"{s.Seconds:F1}", s.CoordinatorTerm is { } t ? $"#{t}" : "-", s.Adapter is { Length: > 12 } hash ? hash[..12]
                : "-"]));
        output.WriteLine();
        TextTable.Write(output, ["evaluation after step", "held-out reward", "std", "diversity"],
            history.Evaluations.Select(e =>
            (string[])[$"{e.Step}", $"{e.RewardMean:F3}", $"{e.RewardStd:F3}", $"{e.Diversity:F3}"]));
        foreach (var election in history.Elections)
        {
            output.WriteLine($"{election.Time.ToLocalTime():yyyy-MM-dd HH:mm:ss}  coordinator #{election.Term}  {election.Host}");
        }
        // Steps have their table.
        foreach (var e in history.Events.Where(e => e.Kind != EventEntry.StepKind))
        {
            output.WriteLine($"{e.Time.ToLocalTime():yyyy-MM-dd HH:mm:ss}  {e.Kind,-10}  {e.Text}");
        }
        if (history.Reason is { } reason)
        {
            output.WriteLine($"ended: {reason}");
        }
    }
}
