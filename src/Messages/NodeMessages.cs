namespace AlignProp.Messages;

/// <summary>A node presents itself; answered by <see cref="NodeWelcome"/> or <see cref="NodeRefused"/>.</summary>
public sealed record NodeHello(NodeId Node, IReadOnlyList<DeviceId> Devices, string Version) : IAlignPropMessage;

public sealed record NodeWelcome(RunId Run) : IAlignPropMessage;

public sealed record NodeRefused(string Reason) : IAlignPropMessage;

/// <summary>A free device asks for a shard.</summary>
public sealed record RequestWork(DeviceId Device, NodeId Node) : IAlignPropMessage;

/// <summary>Nothing to do now; the device is remembered and will be sent a lease.</summary>
public sealed record NoWork(string Reason) : IAlignPropMessage;

public sealed record ShardLease(LeaseId Lease, Shard Shard, BlobRef Adapter, ShardSettings Settings) : IAlignPropMessage;

/// <summary>Keeps a lease alive. Fraction of the shard's work done, 0 to 1.</summary>
public sealed record ShardProgress(LeaseId Lease, string Phase, double Fraction) : IAlignPropMessage;

/// <summary>A shard's result; its tensors are a blob the sender holds until acknowledged, and repeats this until then.</summary>
public sealed record ShardDone(LeaseId Lease, RunId Run, int Step, int Index, BlobHash AdapterHash, IReadOnlyList<float> Rewards, double Loss,
    BlobRef Payload, double SamplingSeconds, double ScoringSeconds, double BackwardSeconds, long PeakMemory) : IAlignPropMessage;

/// <param name="Configuration">True when no device could do it (wrong model files, bad settings): the run stops.</param>
public sealed record ShardFailed(LeaseId Lease, string Error, bool Configuration) : IAlignPropMessage;

public sealed record ShardAcknowledged(LeaseId Lease, bool Accepted, string Reason) : IAlignPropMessage;

public sealed record FetchChunk(BlobHash Hash, int Index) : IAlignPropMessage;

public sealed record BlobChunk(BlobHash Hash, int Index, ReadOnlyMemory<byte> Data) : IAlignPropMessage;

public sealed record BlobMissing(BlobHash Hash) : IAlignPropMessage;

/// <summary>The node finishes what it has and leaves.</summary>
public sealed record NodeLeaving(NodeId Node) : IAlignPropMessage;

/// <summary>The run has ended; nodes may exit.</summary>
public sealed record RunOver(string Reason) : IAlignPropMessage;
