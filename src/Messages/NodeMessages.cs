using AlignProp.Messages.Configuration;

namespace AlignProp.Messages;

/// <summary>A node presents itself; answered by <see cref="NodeWelcome"/> or <see cref="NodeRefused"/>.</summary>
public sealed record NodeHello(NodeId Node, IReadOnlyList<DeviceId> Devices, string Version) : IAlignPropMessage;

/// <param name="Description">The node checks its files against its own before it works; see <see cref="NodeUnfit"/>.</param>
public sealed record NodeWelcome(RunId Run, RunDescription Description) : IAlignPropMessage;

public sealed record NodeRefused(string Reason) : IAlignPropMessage;

/// <summary>The node's model, reward or precision is not the run's; it takes no part. The reason names the difference.</summary>
public sealed record NodeUnfit(NodeId Node, string Reason) : IAlignPropMessage;

/// <summary>A free device asks for a shard.</summary>
/// <param name="Held">
/// Results it still has: a coordinator that lost them in a crash leases them to this device, which hands them in again.
/// </param>
public sealed record RequestWork(DeviceId Device, NodeId Node, IReadOnlyList<ShardKey> Held) : IAlignPropMessage;


/// <summary>Nothing to do now; the device is remembered and will be sent a lease.</summary>
public sealed record NoWork(string Reason) : IAlignPropMessage;

/// <param name="Trace">W3C traceparent of the span the shard's own hang below; empty = none. Says nothing of the result.</param>
/// <param name="Behaviour">Where the task is on own samples: the adapter that made them.</param>
public sealed record ShardLease(LeaseId Lease, Shard Shard, BlobRef Adapter, string Trace = "", BlobRef? Behaviour = null)
    : IAlignPropMessage
{
    /// <summary>Identity of the result asked for.</summary>
    public ShardKey Key => new(Shard.Run, Shard.Step, Shard.Round, Shard.Index, Adapter.Hash);
}

/// <summary>
/// Sent every second while a shard is computed: keeps the lease alive, or, where a new coordinator knows no lease, makes one.
/// </summary>
/// <param name="Fraction">Of the shard's work, 0 to 1.</param>
public sealed record ShardProgress(LeaseId Lease, DeviceId Device, ShardKey Key, string Phase, double Fraction)
    : IAlignPropMessage;

/// <summary>A shard's result; its tensors are a blob the sender holds until acknowledged, and repeats this until then.</summary>
/// <param name="Terms">
/// Term by term, the values of each sample: first those of the weighted sum, in an evaluation then those only evaluated.
/// </param>
public sealed record ShardDone(LeaseId Lease, DeviceId Device, ShardKey Key, IReadOnlyList<float> Rewards, double Loss,
    BlobRef Payload, PhaseTimes Seconds, long PeakMemory, IReadOnlyList<float>? Terms = null) : IAlignPropMessage;

/// <summary>A device could not compute a shard; repeated until acknowledged.</summary>
public sealed record ShardFailed(LeaseId Lease, DeviceId Device, ShardKey Key, string Error) : IAlignPropMessage;

public sealed record ShardAcknowledged(LeaseId Lease, bool Accepted, string Reason) : IAlignPropMessage;

public sealed record FetchChunk(BlobHash Hash, int Index) : IAlignPropMessage;

public sealed record BlobChunk(BlobHash Hash, int Index, ReadOnlyMemory<byte> Data) : IAlignPropMessage;

public sealed record BlobMissing(BlobHash Hash) : IAlignPropMessage;

/// <summary>The node finishes what it has and leaves.</summary>
public sealed record NodeLeaving(NodeId Node) : IAlignPropMessage;

/// <summary>From a console to the coordinator, and from there to the node: finish the shard in hand, then leave.</summary>
public sealed record DrainNode(NodeId Node) : IAlignPropMessage;

/// <summary>Whether the node to drain is known, and which ones are.</summary>
public sealed record DrainReply(bool Found, string Detail) : IAlignPropMessage;

/// <summary>The run has ended; nodes may exit.</summary>
public sealed record RunOver(string Reason) : IAlignPropMessage;
