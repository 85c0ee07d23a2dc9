using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.GpuNode.Compute;

/// <summary>What a shard gave: rewards and, as bytes, what its task's payload is.</summary>
/// <param name="Terms">See <see cref="ShardDone"/>.</param>
public sealed record ShardOutcome(float[] Rewards, double Loss, byte[] Payload, PhaseTimes Seconds,
    IReadOnlyList<float>? Terms = null);

/// <summary>What a shard is computed with: bytes of LoRA weights.</summary>
/// <param name="Behaviour">Of the adapter that made the samples; the same bytes where the task is not on own samples.</param>
public sealed record ShardAdapters(byte[] Current, byte[] Behaviour)
{
    public ShardAdapters(byte[] current) : this(current, current)
    {
    }
}

/// <summary>Computes shards, one at a time, always on the same thread.</summary>
public interface IShardComputer : IDisposable
{
    /// <param name="run">The run file, whose model and rewards are loaded once for all shards.</param>
    /// <param name="progress">Phase and fraction of the shard's work, 0 to 1.</param>
    /// <exception cref="OperationCanceledException">Cancelled between two DDIM steps.</exception>
    ShardOutcome Compute(Shard shard, RunDescription run, ShardAdapters adapters, Action<string, double> progress,
        CancellationToken cancellation);
}
