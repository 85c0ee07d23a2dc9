using System.Diagnostics;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;
using Serilog;

namespace AlignProp.GpuNode.Compute;

/// <summary>
/// One device of the process: its thread, its computer, the shard in work and the results held. It outlives actors and actor
/// systems: a node that has to join the cluster anew goes on computing meanwhile and hands in what it finished.
/// </summary>
public sealed class ComputeDevice(DeviceId id, Func<IShardComputer> create) : IDisposable
{
    private readonly ComputeThread _thread = new(id.Value);
    private readonly CancellationTokenSource _cancellation = new();
    private IShardComputer? _computer;

    public DeviceId Id { get; } = id;

    public ResultShelf Shelf { get; } = new();

    /// <summary>The shard in work, or null.</summary>
    public RunningShard? Running { get; private set; }

    /// <summary>Computes a leased shard; the outcome is on the shelf, or a failure, when the running shard's task ends.</summary>
    public RunningShard Start(ShardLease lease, RunDescription run, ShardAdapters adapters)
    {
        var running = new RunningShard(lease);
        running.Outcome = _thread.Run<IAlignPropMessage>(() => Compute(running, run, adapters));
        return Running = running;
    }

    /// <summary>The running shard was reported; the device is free.</summary>
    public void Clear() => Running = null;

    public void Dispose()
    {
        _cancellation.Cancel();
        _thread.Dispose();
        _computer?.Dispose();
        _cancellation.Dispose();
    }

    private IAlignPropMessage Compute(RunningShard running, RunDescription run, ShardAdapters adapters)
    {
        var lease = running.Lease;
        Log.Information("{Device} computes {Kind} {Step} shard {Index}", Id.Value,
            lease.Shard.Task is ShardTask.Evaluate ? "evaluation" : "step", lease.Shard.Step, lease.Shard.Index);
        using var trace = new ShardTrace(lease, Id);
        try
        {
            _computer ??= create();
            var outcome = _computer.Compute(lease.Shard, run, adapters, running.Report, _cancellation.Token);
            var done = new ShardDone(lease.Lease, Id, lease.Key, outcome.Rewards, outcome.Loss, BlobRef.Of(outcome.Payload),
                outcome.Seconds, PeakMemory.Bytes(), outcome.Terms ?? []);
            Shelf.Put(done, outcome.Payload);
            trace.Done(outcome.Seconds);
            return done;
        }
        // Whatever a shard throws (out of memory, a broken driver) is reported, and the shard is done elsewhere.
#pragma warning disable CA1031
        catch (Exception e) when (e is not OperationCanceledException)
#pragma warning restore CA1031
        {
            // What a failed computer holds is not trusted: the next shard gets a new one.
            _computer?.Dispose();
            _computer = null;
            var cause = e.GetBaseException();
            var error = $"{cause.GetType().Name}: {cause.Message.Split('\n')[0]}";
            trace.Failed(error);
            return new ShardFailed(lease.Lease, Id, lease.Key, error);
        }
    }
}

/// <summary>A shard in work: written by the compute thread, read by the actor.</summary>
public sealed class RunningShard(ShardLease lease)
{
    private volatile string _phase = "start";
    private double _fraction;
    private long _moved = Stopwatch.GetTimestamp();

    public ShardLease Lease { get; } = lease;

    /// <summary>Ends with <see cref="ShardDone"/> or <see cref="ShardFailed"/>.</summary>
    public Task<IAlignPropMessage> Outcome { get; internal set; } = null!;

    /// <summary>How long nothing was reported of it.</summary>
    public TimeSpan Still => Stopwatch.GetElapsedTime(Volatile.Read(ref _moved));

    public void Report(string phase, double fraction)
    {
        Volatile.Write(ref _moved, Stopwatch.GetTimestamp());
        _phase = phase;
        Volatile.Write(ref _fraction, fraction);
    }

    public ShardProgress Progress(DeviceId device) => new(Lease.Lease, device, Lease.Key, _phase, Volatile.Read(ref _fraction));
}
