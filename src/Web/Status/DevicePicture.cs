using System.Collections.Immutable;
using AlignProp.Coordinator.Runs;

namespace AlignProp.Web.Status;

/// <summary>What is known of one device, from the run's events: immutable, no clock of its own.</summary>
public sealed record DevicePicture(string Name)
{
    private static readonly TimeSpan RateWindow = TimeSpan.FromMinutes(5);

    public string State { get; init; } = "idle";

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

    public string Node => Name.Split('/')[0];

    public string Device => Name.Contains('/', StringComparison.Ordinal) ? Name[(Name.IndexOf('/', StringComparison.Ordinal) + 1)..] : "";

    public bool Benched => State == "benched";

    public DevicePicture Heard(DeviceWork? work, DateTimeOffset now) => this with
    {
        // A benched device still asks for work, a leaving one still computes.
        State = State is "benched" or "leaving" ? State : work is null ? "idle" : "computing",
        Detail = State is "benched" or "leaving" ? Detail : work is null ? "waits for work" : $"{(work.Evaluation ? "evaluation" : "step")} {work.Step}, {work.Phase}",
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

    public DevicePicture Changed(string state, string detail) => this with
    {
        State = state == "joined" ? "idle" : state,
        Detail = state == "joined" ? "waits for work" : detail,
        Work = state is "leaving" or "benched" ? Work : null,
        Expired = Expired + (state == "silent" ? 1 : 0),
    };

    public NodeStatus Status(DateTimeOffset now)
    {
        var from = now - RateWindow > Since ? now - RateWindow : Since;
        var minutes = Math.Max((now - from).TotalMinutes, 1.0 / 60);
        return new NodeStatus(Node, Device, State, Detail, Work?.Shard, Work?.Fraction ?? 0, Done, Math.Round(Times.Count(t => t >= from) / minutes, 2), Failures, PeakMemory, LastSeen);
    }
}
