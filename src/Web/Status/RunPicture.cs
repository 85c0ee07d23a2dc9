using System.Collections.Immutable;
using AlignProp.Coordinator.Runs;
using AlignProp.Messages;
using AlignProp.Reports;

namespace AlignProp.Web.Status;

/// <summary>
/// A run as its events tell it, for console, dashboard and metrics: immutable, moved only by <see cref="Apply"/> and <see
/// cref="Recall"/>, the time comes from outside. Nobody asks the run's actor for it.
/// </summary>
public sealed record RunPicture(string RunId, string Name, string Host, DateTimeOffset StartedAt)
{
    private const int Trend = 60;
    private const int StepsAveraged = 10;

    /// <summary>Until the first event of a run: starting, or standby.</summary>
    public string Phase { get; init; } = "starting";

    public string? Reason { get; init; }

    public SteeringState Steering { get; init; }

    /// <summary>What the journal's absence was told as, or null while it is reachable.</summary>
    public string? JournalAway { get; init; }

    /// <summary>Work waits for a device: in what words that was told, or null.</summary>
    public string? NoDevice { get; init; }

    public RunStarted? Started { get; init; }

    public RunLed? Leader { get; init; }

    public ShardsChanged? Shards { get; init; }

    public StepCommitted? LastStep { get; init; }

    public (double First, double Last, double Std, double Diversity)? HeldOut { get; init; }

    public ImmutableQueue<double> Rewards { get; init; } = [];

    public ImmutableQueue<double> Seconds { get; init; } = [];

    public string? Adapter { get; init; }

    public int Step { get; init; }

    public ImmutableSortedDictionary<string, DevicePicture> Devices { get; init; } =
        ImmutableSortedDictionary.Create<string, DevicePicture>(StringComparer.Ordinal);

    public RunTotals Totals { get; init; } = new();

    public bool IsOver => Phase is "ended" or "failed" or "interrupted";

    public string State => Phase != "running" ? Phase : Steering == SteeringState.Paused ? "paused"
        : NoDevice is not null ? "waiting" : Shards?.Evaluation == true
        ? "evaluating" : "running";

    public RunPicture Apply(RunProgress value, DateTimeOffset now) => value switch
    {
        RunStarted started => this with
        {
            Phase = "running",
            Reason = null,
            JournalAway = null,
            Started = started,
            Step = started.FromStep,
            Shards = null
        },
        RunLed led => this with
        {
            Leader = led,
            JournalAway = null,
            Phase = "running",
            Totals = Totals.Led(takeover: Phase == "standby")
        },
        RunSuperseded => this with { Phase = "standby" },
        RunNotice { Kind: NoticeKind.JournalAway } away => this with { JournalAway = away.Text },
        RunNotice { Kind: NoticeKind.NoDevice } none => this with { NoDevice = none.Text },
        RunSteered steered =>
            this with { Steering = steered.State, Reason = steered.State == SteeringState.Free ? null : steered.Text },
        ShardsChanged shards => this with { Shards = shards },
        StepCommitted step => this with
        {
            LastStep = step,
            JournalAway = null,
            Step = step.Step,
            Adapter = step.AdapterSha256,
            Rewards = Last(Rewards, step.RewardMean, Trend),
            Seconds = Last(Seconds, step.Seconds, StepsAveraged),
            Totals = Totals.Committed(),
        },
        EvaluationFinished e => this with { HeldOut = (HeldOut?.First ?? e.RewardMean, e.RewardMean, e.RewardStd, e.Diversity) },
        RunStopped stopped => this with
        {
            Phase = "ended",
            JournalAway = null,
            NoDevice = null,
            Reason = stopped.Reason,
            Step = stopped.Step,
            Adapter = stopped.AdapterSha256,
            Shards = null,
            Devices = Rest()
        },
        RunFailed failed =>
            this with
            {
                Phase = "failed",
                JournalAway = null,
                NoDevice = null,
                Reason = failed.Error,
                Shards = null,
                Devices = Rest()
            },
        NodeChanged node => (node.State == NodeState.Joined ? this with { NoDevice = null } : this).Change(node, now),
        DeviceChanged device => With(device.Device, now, d => d.Changed(device.State, device.Detail)),
        DeviceHeard heard => (this with { NoDevice = null }).With(heard.Device, now, d => d.Heard(heard.Work, now)),
        ShardTimed { Device: { } device } timed =>
            With(device, now, d => d.Timed(timed, now)) with { Totals = Totals.Timed(timed) },
        ShardRefused refused => With(refused.Device, now, d => d with { Failures = d.Failures + 1, LastSeen = now }),
        ChunkSent sent => this with { Totals = Totals.Sent(sent) },
        _ => this,
    };

    /// <summary>What an earlier sitting of the run left in metrics.jsonl.</summary>
    public RunPicture Recall(MetricsLine line) => line.Kind switch
    {
        MetricsLine.StepKind => this with
        {
            LastStep = new StepCommitted(line.Step, line.Epoch, line.RewardMean ?? 0, line.RewardStd ?? 0, line.Loss ?? 0,
                line.GradNorm ?? 0, line.Truncations ?? [], line.Adapter ?? "", line.Seconds ?? 0),
            Step = line.Step,
            Adapter = line.Adapter,
            Rewards = Last(Rewards, line.RewardMean ?? 0, Trend),
            Seconds = Last(Seconds, line.Seconds ?? 0, StepsAveraged),
        },
        MetricsLine.EvaluationKind => this with
        {
            HeldOut = (HeldOut?.First ?? line.RewardMean ?? 0, line.RewardMean ?? 0,
            line.RewardStd ?? 0, line.Diversity ?? 0)
        },
        _ => this,
    };

    public RunStatus Status()
    {
        var (perEpoch, max) = (Math.Max(1, Started?.StepsPerEpoch ?? 1), Started?.MaxSteps ?? Step);
        double? seconds = Seconds.IsEmpty ? null : Seconds.Average();
        return new RunStatus(RunId, Name, State, JournalAway ?? NoDevice ?? Reason, Step, max, (Step + perEpoch - 1) / perEpoch,
            max / perEpoch,
            Shards is { } s && !IsOver ? new ShardStatus(s.Step, s.Evaluation, s.Done, s.Leased, s.Total, s.Fraction) : null,
            LastStep?.RewardMean, [.. Rewards], HeldOut is { } h ? new HeldOutStatus(h.First, h.Last, h.Diversity, h.Std) : null,
                LastStep?.GradNorm,
            seconds, IsOver || NoDevice is not null ? null : seconds * (max - Step), Adapter, Leader?.Host, Host, StartedAt);
    }

    public IReadOnlyList<NodeStatus> Nodes(DateTimeOffset now) => [.. Devices.Values.Select(d => d.Status(now))];

    /// <summary>Concerns all its devices; a node that has told none stands for itself.</summary>
    private RunPicture Change(NodeChanged node, DateTimeOffset now)
    {
        IEnumerable<DeviceName?> devices = node.Devices is { } joined
            ? joined.Select(d => (DeviceName?)d.Device)
            : Devices.Values.Where(d => d.Node == node.Node).Select(d => d.Device).DefaultIfEmpty();
        var without = this with { Devices = node.State == NodeState.Joined ? Devices.Remove(node.Node.Value) : Devices };
        DevicePicture Changed(DevicePicture device) => device.Changed(node.State, node.Detail) with { LastSeen = now };
        return devices.ToList().Aggregate(without, (picture, device) => picture.With(node.Node, device, now, Changed));
    }

    private RunPicture With(DeviceId device, DateTimeOffset now, Func<DevicePicture, DevicePicture> change) =>
        With(device.Node, device.Device, now, change);

    private RunPicture With(NodeId node, DeviceName? device, DateTimeOffset now, Func<DevicePicture, DevicePicture> change)
    {
        var key = device is { } name ? new DeviceId(node, name).Value : node.Value;
        var before = Devices.GetValueOrDefault(key) ?? new DevicePicture(node, device) { Since = now, LastSeen = now };
        return this with { Devices = Devices.SetItem(key, change(before)) };
    }

    private ImmutableSortedDictionary<string, DevicePicture> Rest() =>
        Devices.SetItems(Devices.Where(d => d.Value.Work is not null || d.Value.State == NodeState.Idle)
            .Select(d => KeyValuePair.Create(d.Key, d.Value.Resting())));

    private static ImmutableQueue<double> Last(ImmutableQueue<double> queue, double value, int count)
    {
        queue = queue.Enqueue(value);
        return queue.Count() > count ? queue.Dequeue() : queue;
    }
}

/// <summary>What only grows, for /metrics; of this process's life.</summary>
public sealed record RunTotals
{
    public int Steps { get; init; }

    /// <summary>How often this process was elected.</summary>
    public int Elections { get; init; }

    /// <summary>Those after which this process led what another one had led.</summary>
    public int Takeovers { get; init; }

    public long BytesSent { get; init; }

    public long BytesReceived { get; init; }

    public PhaseTimes Seconds { get; init; }

    public RunTotals Committed() => this with { Steps = Steps + 1 };

    public RunTotals Led(bool takeover) => this with { Elections = Elections + 1, Takeovers = Takeovers + (takeover ? 1 : 0) };

    public RunTotals Sent(ChunkSent sent) => this with { BytesSent = BytesSent + sent.Bytes };

    public RunTotals Timed(ShardTimed timed) => this with
    {
        BytesReceived = BytesReceived + timed.Bytes,
        Seconds = Seconds + timed.Seconds,
    };
}
