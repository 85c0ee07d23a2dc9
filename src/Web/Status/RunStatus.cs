using AlignProp.Coordinator.Runs;

namespace AlignProp.Web.Status;

/// <summary>
/// <c>GET /api/run</c>. Every record of this file is one answer of the HTTP API, in camelCase JSON; numbers that are none are the
/// texts "NaN" and "Infinity".
/// </summary>
/// <param name="State">
/// starting, running, evaluating, waiting (for a device), paused, ended, failed;
/// standby where another coordinator leads; interrupted for a folder whose
/// coordinator is gone.
/// </param>
/// <param name="Reason">Why it ended or failed, what a pause or stop waits for, or why nothing moves; else null.</param>
/// <param name="Step">The last committed step.</param>
/// <param name="RewardTrend">Mean training rewards of the last steps, oldest first, at most 60.</param>
/// <param name="SecondsPerStep">Mean of the last ten.</param>
/// <param name="SecondsLeft">Until the last step, evaluations not counted.</param>
/// <param name="Adapter">SHA-256 of the adapter after <paramref name="Step"/>.</param>
/// <param name="Coordinator">Akka address of the coordinator that leads.</param>
/// <param name="Host">Name of the machine that answers.</param>
/// <param name="AsOf">When this was so: now, or for a run that nobody leads its last sign of life.</param>
public sealed record RunStatus(string RunId, string Name, string State, string? Reason, int Step, int MaxSteps, int Epoch,
    int Epochs, ShardStatus? Shards,
    double? Reward, IReadOnlyList<double> RewardTrend, HeldOutStatus? HeldOut, double? GradNorm, double? SecondsPerStep,
        double? SecondsLeft,
    string? Adapter, string? Coordinator, string Host, DateTimeOffset StartedAt, DateTimeOffset? AsOf = null);

/// <summary>The step or evaluation in work.</summary>
/// <param name="Fraction">0..1 of its work.</param>
public sealed record ShardStatus(int Step, bool Evaluation, int Done, int Leased, int Total, double Fraction);

/// <summary>Mean reward of the held-out prompts: before training, and at the last evaluation.</summary>
/// <param name="Std">Standard deviation over the pictures of the last evaluation; null in files of older versions.</param>
/// <param name="Diversity">Of the last evaluation: mean cosine distance between pictures of different prompts.</param>
public sealed record HeldOutStatus(double First, double Last, double Diversity, double? Std = null);

/// <summary>One device of <c>GET /api/nodes</c>; a node that was refused has no device.</summary>
/// <param name="State">idle, computing, benched, silent, lost, cut off, leaving, left, refused.</param>
/// <param name="Shard">Index of the shard it computes, or null.</param>
/// <param name="Fraction">0..1 of that shard.</param>
/// <param name="ShardsPerMinute">Over the last five minutes.</param>
/// <param name="Failures">Shards it could not do, or that were refused.</param>
/// <param name="PeakMemory">Of its process, bytes; 0 = not known yet.</param>
public sealed record NodeStatus(string Node, string Device, NodeState State, string Detail, int? Shard, double Fraction,
    int ShardsDone, double ShardsPerMinute, int Failures,
    long PeakMemory, DateTimeOffset LastSeen);

/// <summary>One entry of <c>GET /api/events</c>.</summary>
/// <param name="Number">1, 2, ... within this server's life.</param>
/// <param name="Kind">run, step, evaluation, node, failure, takeover, journal, control, notice.</param>
public sealed record EventEntry(int Number, DateTimeOffset Time, string Kind, string Text)
{
    public const string StepKind = "step";
}

/// <summary><c>GET /api/config</c>: the resolved run file as it lies in the run's folder.</summary>
public sealed record ConfigText(string Text);

/// <summary>One kept evaluation of <c>GET /api/images</c>; step 0 is the base model.</summary>
public sealed record ImageSet(int Step, IReadOnlyList<ImageEntry> Images);

/// <param name="Url">Path of the picture on this server, at most 256 pixels wide and high.</param>
/// <param name="Large">Path of the picture as it was made, where it is kept: before training, and of the last evaluation.</param>
public sealed record ImageEntry(int Index, string Prompt, bool HeldOut, ulong Seed, double Reward, string Url, string? Large);

/// <summary>One entry of <c>GET /api/files</c>: what can be taken away.</summary>
/// <param name="Bytes">Null of what is made when it is asked for.</param>
public sealed record FileEntry(string Name, string What, long? Bytes, string Url);

/// <summary>One entry of <c>GET /api/runs</c>: a run of the same folder, the newest first.</summary>
/// <param name="Current">The run this server is of.</param>
/// <param name="HeldOut">Mean held-out reward of its last evaluation.</param>
public sealed record RunEntry(string Id, bool Current, DateTimeOffset Started, int Step, double? HeldOut, double? Std);

/// <summary>One message of the live stream <c>GET /api/live</c>.</summary>
/// <param name="Events">Those since the last message.</param>
public sealed record LiveStatus(RunStatus Run, IReadOnlyList<NodeStatus> Nodes, IReadOnlyList<EventEntry> Events);

/// <summary>Answer of every POST, and of everything that is refused: what happened, or what would be right.</summary>
public sealed record ControlReply(bool Ok, string Detail);
