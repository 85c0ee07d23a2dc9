using System.Collections.Immutable;
using AlignProp.Coordinator.Runs;
using AlignProp.Coordinator.Storage;
using AlignProp.Reports;

namespace AlignProp.Web.Status;

/// <summary>
/// Folds a run's events into its <see cref="RunPicture"/> and list of entries, for whoever asks over HTTP, and keeps both in the
/// run's folder. Told last of all listeners: when it knows a step, the step's files are there.
/// </summary>
public sealed class RunMonitor : IProgress<RunProgress>, IDisposable
{
    private readonly Lock _lock = new();
    private readonly RunHistory _history;
    private readonly TimeProvider _clock;
    private readonly LiveStatus? _saved;
    private readonly Func<bool> _keeps;
    private RunPicture _picture;
    private ImmutableList<EventEntry> _events;
    private TaskCompletionSource? _changed;

    /// <param name="live">False for a folder that is only looked at.</param>
    /// <param name="keeps">Whether the folder is this process's to write; null = always.</param>
    public RunMonitor(RunDirectory directory, string name, bool live = true, bool standby = false, TimeProvider? clock = null,
        Func<bool>? keeps = null)
    {
        (Directory, _history, _clock) = (directory, new RunHistory(directory), clock ?? TimeProvider.System);
        _keeps = keeps ?? (() => true);
        _events = [.. _history.Events()];
        var (saved, lines) = (_history.Status(), MetricsLog.Read(directory.Metrics));
        var begun = File.Exists(directory.Facts) ? RunFacts.Of(directory).Started
            : saved?.Run.StartedAt ?? _events.FirstOrDefault()?.Time ?? _clock.GetUtcNow();
        var picture = lines.Aggregate(new RunPicture(directory.Id, name, Environment.MachineName, begun),
            (p, line) => p.Recall(line));
        var stop = lines.LastOrDefault(l => l.Kind == MetricsLine.StopKind);
        _picture = picture with
        {
            Phase = live ? standby ? "standby" : "starting" : stop is null ? "interrupted" : "ended",
            Reason = live ? null : stop?.Reason
        };
        Meter = new RunMeter(() => Picture, _clock.GetUtcNow);
        if (!live)
        {
            var run = saved?.Run ?? _picture.Status();
            var seen = LastSign(run, _events, directory);
            _saved = new LiveStatus(run.State is "ended" or "failed" ? run with { AsOf = seen }
                : RunLead.Of(directory) is { } leader ? Unheard(run, leader, seen) : Interrupted(run, _picture.Step, seen),
                saved?.Nodes ?? [], []);
        }
    }

    public RunDirectory Directory { get; }

    /// <summary>The run's metrics, for whoever listens.</summary>
    public RunMeter Meter { get; }

    public RunPicture Picture
    {
        get
        {
            lock (_lock)
            {
                return _picture;
            }
        }
    }

    public IReadOnlyList<EventEntry> Events
    {
        get
        {
            lock (_lock)
            {
                return _events;
            }
        }
    }

    public RunStatus Status() => _saved?.Run ?? Picture.Status() with { AsOf = _clock.GetUtcNow() };

    public IReadOnlyList<NodeStatus> Nodes() => _saved?.Nodes ?? Picture.Nodes(_clock.GetUtcNow());

    /// <summary>Everything, with the entries after a number.</summary>
    public LiveStatus Live(int after) => new(Status(), Nodes(), [.. Events.Where(e => e.Number > after)]);

    /// <summary>Completes at the next event. Ask for it before reading, or what happens in between is missed.</summary>
    public Task Changed()
    {
        lock (_lock)
        {
            return (_changed ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
    }

    public void Report(RunProgress value)
    {
        EventEntry? entry = null;
        TaskCompletionSource? changed;
        lock (_lock)
        {
            var now = _clock.GetUtcNow();
            if (EventWords.Of(value, _picture.Phase == "standby") is var (kind, text) && _events.LastOrDefault()?.Text != text)
            {
                entry = new EventEntry((_events.LastOrDefault()?.Number ?? 0) + 1, now, kind, text);
                _events = RunHistory.With(_events, entry);
            }
            _picture = _picture.Apply(value, now);
            (changed, _changed) = (_changed, null);
        }
        changed?.TrySetResult();
        Keep(entry, value is StepCommitted or EvaluationFinished or RunStarted or RunStopped or RunFailed);
    }

    public void Dispose() => Meter.Dispose();

    private void Keep(EventEntry? entry, bool status)
    {
        try
        {
            if (!_keeps())
            {
                return;
            }
            if (entry is not null)
            {
                _history.Append(entry);
            }
            if (status)
            {
                _history.Save(Live(int.MaxValue));
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A full disk: the reporter, which has more to lose, says so; what is shown now is in memory.
        }
    }

    /// <summary>The newest of what the folder tells the time of.</summary>
    private static DateTimeOffset LastSign(RunStatus run, ImmutableList<EventEntry> events, RunDirectory directory)
    {
        DateTimeOffset?[] signs = [run.AsOf, events is [.., var last] ? last.Time : null,
            File.Exists(directory.Metrics) ? new DateTimeOffset(File.GetLastWriteTimeUtc(directory.Metrics)) : null];
        return signs.Max() ?? RunFacts.Of(directory).Started;
    }

    private RunStatus Interrupted(RunStatus run, int step, DateTimeOffset seen) => run with
    {
        State = "interrupted",
        Step = Math.Max(step, run.Step),
        Reason = $"at step {Math.Max(step, run.Step)}; its coordinator is gone, its last sign of life was {Ago(seen)}; "
            + $"go on with: alignprop resume {run.RunId}",
        Shards = null,
        SecondsLeft = null,
        AsOf = seen,
    };

    /// <summary>Led by a process that cannot be asked: what it wrote last.</summary>
    private RunStatus Unheard(RunStatus run, Leader leader, DateTimeOffset seen) => run with
    {
        State = run.State is "interrupted" or "starting" ? "running" : run.State,
        Reason = $"as of {Ago(seen)}; led by {leader}, which cannot be asked (without HTTP)",
        Shards = null,
        AsOf = seen,
    };

    private string Ago(DateTimeOffset then)
    {
        var age = _clock.GetUtcNow() - then;
        var words = age.TotalSeconds < 100 ? $"{Math.Max(0, age.TotalSeconds):F0} s"
            : age.TotalMinutes < 100 ? $"{age.TotalMinutes:F0} min"
            : age.TotalHours < 72 ? $"{age.TotalHours:F0} h" : $"{age.TotalDays:F0} days";
        return FormattableString.Invariant($"{words} ago ({then.ToLocalTime():yyyy-MM-dd HH:mm:ss})");
    }
}
