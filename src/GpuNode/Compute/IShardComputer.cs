using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.GpuNode.Compute;

/// <summary>What a shard gave: rewards and, as bytes, its gradient (training) or features and images (evaluation).</summary>
/// <param name="Terms">See <see cref="ShardDone"/>.</param>
public sealed record ShardOutcome(float[] Rewards, double Loss, byte[] Payload, PhaseTimes Seconds,
    IReadOnlyList<float>? Terms = null);

/// <summary>Computes shards, one at a time, always on the same thread.</summary>
public interface IShardComputer : IDisposable
{
    /// <param name="run">The run file, whose model and rewards are loaded once for all shards.</param>
    /// <param name="adapter">Bytes of the LoRA weights the shard is computed with.</param>
    /// <param name="progress">Phase and fraction of the shard's work, 0 to 1.</param>
    /// <exception cref="OperationCanceledException">Cancelled between two DDIM steps.</exception>
    ShardOutcome Compute(Shard shard, RunDescription run, ReadOnlyMemory<byte> adapter, Action<string, double> progress,
        CancellationToken cancellation);
}
