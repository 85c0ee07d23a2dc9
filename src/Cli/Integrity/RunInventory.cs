using AlignProp.Coordinator.Methods;
using AlignProp.Coordinator.Runs;
using AlignProp.Coordinator.Storage;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;
using AlignProp.Reports;

namespace AlignProp.Cli.Integrity;

/// <summary>
/// A run's folder cannot be gone on with as it is; the message says which file, what is whole, and what to do.
/// </summary>
internal sealed class RunDamagedException(string message) : Exception(message);

/// <summary>What of a run's folder is whole, looked at while nobody leads it.</summary>
internal sealed class RunInventory
{
    private readonly RunDirectory _directory;

    private RunInventory(RunDirectory directory)
    {
        _directory = directory;
        Lines = MetricsLog.Read(directory.Metrics);
        Blobs = new BlobCheck(directory);
        var journal = JournalCheck.Of(directory);
        Events = journal.Events;
        Damage = [.. Journal(journal),
            .. JournalCheck.Snapshots(directory) is { } snapshots ? [snapshots] : Array.Empty<string>(),
            .. State is { } state ? NeededBlobs(state) : []];
    }

    /// <summary>Of the journal, up to where it is damaged.</summary>
    public IReadOnlyList<IRunEvent> Events { get; }

    /// <summary>Null where the journal cannot be read, or does not tell of a run.</summary>
    public RunState? State { get; private set; }

    public IReadOnlyList<MetricsLine> Lines { get; }

    public BlobCheck Blobs { get; }

    /// <summary>Each file that keeps the run from going on, and why; empty where nothing does.</summary>
    public IReadOnlyList<string> Damage { get; }

    /// <summary>The last step that the metrics tell of.</summary>
    public int LastTold => Lines.Where(l => l.Kind == MetricsLine.StepKind).Select(l => l.Step).DefaultIfEmpty().Max();

    public static RunInventory Take(RunDirectory directory) => new(directory);

    /// <exception cref="RunDamagedException">Something keeps the run from going on.</exception>
    public void RequireWhole()
    {
        if (Damage.Count > 0)
        {
            throw new RunDamagedException($"{_directory.Id}: {string.Join("; ", Damage)}. {Remedy()}");
        }
    }

    /// <summary>What is whole, and what to do.</summary>
    public string Remedy() => $"Still whole: {Whole()}. Restore the rest from a backup, or rebuild it from what is whole: "
        + $"alignprop resume {_directory.Id} --salvage";

    private string Whole()
    {
        var adapters = Lines.Where(l => l is { Kind: MetricsLine.StepKind, Adapter: not null })
            .Where(l => Blobs.IsWhole(new BlobHash(l.Adapter!))).Select(l => l.Step).ToList();
        string[] parts =
        [
            "run.conf",
            Lines.Count > 0 ? $"metrics.jsonl up to step {LastTold}" : "",
            State is not null ? $"journal.db up to step {State.Step}" : "",
            adapters.Count > 0 ? $"the adapter{(adapters.Count > 1 ? "s" : "")} of step {string.Join(", ", adapters)}"
                : File.Exists(_directory.Adapter) ? "adapter.safetensors" : "",
        ];
        return string.Join(", ", parts.Where(p => p.Length > 0));
    }

    private IEnumerable<string> Journal(JournalCheck journal)
    {
        if (journal.Damage is { } damage)
        {
            // A run that was ended before its first event has no journal either.
            return journal.IsThere || LastTold > 0 || Blobs.Files.Count > 0 ? [damage] : [];
        }
        try
        {
            State = Events.Aggregate(new RunState { StepsPerBatch = StepsPerBatch() }, (state, e) => state.Apply(e));
        }
        catch (InvalidDataException e)
        {
            return [$"journal.db is damaged ({e.Message})"];
        }
        return LastTold <= State.Step ? []
            : [$"journal.db ends at step {State.Step}, metrics.jsonl tells of step {LastTold}: commits are lost"];
    }

    /// <summary>The last step's adapter and moments, or those it was computed from. Those of step 0 are made again.</summary>
    private IEnumerable<string> NeededBlobs(RunState state)
    {
        if (state.Created is null || (state.Step == 0 && state.Before is null))
        {
            return [];
        }
        var last = Blobs.Broken([state.Adapter, state.Moments, state.Behaviour(state.Step + 1)]).ToList();
        var before = state.Before is { } b ? Blobs.Broken([b.Adapter, b.Moments, state.Behaviour(state.Step)]).ToList() : last;
        return last.Count > 0 && before.Count > 0 ? last.Concat(before).Distinct() : [];
    }

    private int StepsPerBatch()
    {
        try
        {
            return Events.OfType<RunCreated>().FirstOrDefault() is { } created
                ? MethodCatalog.Of(RunFile.Parse("the journal's run file", created.Config)).StepsPerBatch : 1;
        }
        catch (ConfigException)
        {
            // Of another version: whoever goes on with it says so.
            return 1;
        }
    }
}
