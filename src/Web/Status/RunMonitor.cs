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
    private RunPicture _picture;
    private ImmutableList<EventEntry> _events;
    private TaskCompletionSource? _changed;

    /// <param name="live">False for a folder that is only looked at.</param>
    public RunMonitor(RunDirectory directory, string name, bool live = true, bool standby = false, TimeProvider? clock = null)
    {
        (Directory, _history, _clock) = (directory, new RunHistory(directory), clock ?? TimeProvider.System);
        _events = [.. _history.Events()];
        var (saved, lines) = (_history.Status(), MetricsLog.Read(directory.Metrics));
        var begun = saved?.Run.StartedAt ?? _events.FirstOrDefault()?.Time ?? _clock.GetUtcNow();
        var picture = lines.Aggregate(new RunPicture(directory.Id, name, Environment.MachineName, begun),
            (p, line) => p.Recall(line));
        var stop = lines.LastOrDefault(l => l.Kind == MetricsLine.StopKind);
        _picture = picture with
        {
            Phase = live ? standby ? "standby" : "starting" : stop is null ? "interrupted" : "ended",
            Reason = live ? null : stop?.Reason
        };
        Meter = new RunMeter(() => Picture, _clock.GetUtcNow);
        _saved = live ? null : saved is { Run.State: not ("ended" or "failed") } ? saved with { Run = Interrupted(saved.Run) }
            : saved;
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

    public RunStatus Status() => _saved?.Run ?? Picture.Status();

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
                _events = (_events.Count >= RunHistory.Kept ? _events.RemoveAt(0) : _events).Add(entry);
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

    private static RunStatus Interrupted(RunStatus run) => run with
    {
        State = "interrupted",
        Reason = $"its coordinator is gone; go on with: alignprop resume {run.RunId}",
        Shards = null,
        SecondsLeft = null,
    };
}
