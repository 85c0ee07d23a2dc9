using System.Collections.Immutable;
using AlignProp.Coordinator.Runs;
using AlignProp.Messages;

namespace AlignProp.Web.Status;

/// <summary>What is known of one device, from the run's events: immutable, no clock of its own.</summary>
/// <param name="Device">Null for a node that was refused before it told its devices.</param>
public sealed record DevicePicture(NodeId Node, DeviceName? Device)
{
    private static readonly TimeSpan RateWindow = TimeSpan.FromMinutes(5);

    public NodeState State { get; init; } = NodeState.Idle;

    public string Detail { get; init; } = "";

    public DeviceWork? Work { get; init; }

    public int Done { get; init; }

    public int Failures { get; init; }

    /// <summary>Leases it lost by silence.</summary>
    public int Expired { get; init; }

    public long PeakMemory { get; init; }

    public DateTimeOffset Since { get; init; }

    public DateTimeOffset LastSeen { get; init; }

    /// <summary>When the shards of the last minutes were taken.</summary>
    public ImmutableList<DateTimeOffset> Times { get; init; } = [];

    public DevicePicture Heard(DeviceWork? work, DateTimeOffset now) => this with
    {
        // A benched device still asks for work, a leaving one still computes.
        State = Keeps ? State : work is null ? NodeState.Idle : NodeState.Computing,
        Detail = Keeps ? Detail
            : work is null ? "waits for work"
            : $"{(work.Evaluation ? "evaluation" : "step")} {work.Step}, {work.Phase}",
        Work = work,
        LastSeen = now,
    };

    public DevicePicture Timed(ShardTimed timed, DateTimeOffset now) => this with
    {
        Done = Done + 1,
        PeakMemory = Math.Max(PeakMemory, timed.PeakMemory),
        Times = Times.RemoveAll(t => now - t > RateWindow).Add(now),
        LastSeen = now,
    };

    public DevicePicture Changed(NodeState state, string detail) => this with
    {
        State = state == NodeState.Joined ? NodeState.Idle : state,
        Detail = state == NodeState.Joined ? "waits for work" : detail,
        Work = state is NodeState.Leaving or NodeState.Benched ? Work : null,
        Expired = Expired + (state == NodeState.Silent ? 1 : 0),
    };

    public DevicePicture Resting() => this with { Work = null, State = NodeState.Idle, Detail = "the run is over" };

    public NodeStatus Status(DateTimeOffset now)
    {
        var from = now - RateWindow > Since ? now - RateWindow : Since;
        var minutes = Math.Max((now - from).TotalMinutes, 1.0 / 60);
        return new NodeStatus(Node.Value, Device?.ToString() ?? "", State, Detail, Work?.Shard, Work?.Fraction ?? 0, Done,
            Math.Round(Times.Count(t => t >= from) / minutes, 2), Failures, PeakMemory, LastSeen);
    }

    private bool Keeps => State is NodeState.Benched or NodeState.Leaving;
}
