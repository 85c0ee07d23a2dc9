using Akka.Actor;
using AlignProp.Clustering;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Runs;

/// <summary>To the dispatcher: have these shards computed; answered by an <see cref="IWorkEnd"/>.</summary>
/// <param name="Adapter">The adapter's bytes, for the nodes to fetch.</param>
/// <param name="HandIn">The run was interrupted: devices may hold results of this work, and say so first.</param>
/// <param name="Place">Where the spans of the work hang.</param>
/// <param name="Behaviour">The bytes of the adapter that made the samples, where the round has one.</param>
internal sealed record ComputeShards(RoundWork Work, byte[] Adapter, bool HandIn, TraceLink Place, byte[]? Behaviour = null)
    : INoSerializationVerificationNeeded
{
    /// <summary>A blob of the work, or null.</summary>
    public byte[]? Blob(BlobHash hash) => hash == Work.Blob.Hash ? Adapter : hash == Work.Behaviour?.Hash ? Behaviour : null;
}

/// <summary>From the dispatcher: how the work that was ordered ended.</summary>
internal interface IWorkEnd : INoSerializationVerificationNeeded;

/// <summary>All results are in the work.</summary>
internal sealed record ShardsComputed(RoundWork Work) : IWorkEnd;

/// <summary>A shard fails everywhere, or no device is left that is not benched.</summary>
internal sealed record ShardsFailed(string Error) : IWorkEnd;

/// <summary>To the dispatcher: the run is over, the nodes are told to exit.</summary>
internal sealed record FinishRun(RunOver Over) : INoSerializationVerificationNeeded;

/// <summary>To the dispatcher: no more work from this coordinator; nodes wait for one that goes on.</summary>
internal sealed record Dismiss : INoSerializationVerificationNeeded;
