using AlignProp.Messages;

namespace AlignProp.Coordinator.Runs;

/// <summary>What the run actor publishes for the console, metrics and reports, in order. Pure data.</summary>
public abstract record RunProgress : Akka.Actor.INoSerializationVerificationNeeded;

public sealed record RunStarted(string RunId, int FromStep, int StepsPerEpoch, int MaxSteps, int ShardsPerStep,
    int AdapterParameters) : RunProgress;

/// <summary>Something worth a line: the journal is away, a repair.</summary>
public sealed record RunNotice(string Text, NoticeKind Kind = NoticeKind.Notice) : RunProgress;

/// <summary>
/// JournalAway until the run is announced again by <see cref="RunStarted"/>, NoDevice until a device is heard.
/// </summary>
public enum NoticeKind { Notice, JournalAway, Repair, Takeover, NoDevice }

/// <summary>This coordinator took the run over.</summary>
/// <param name="Term">1 for the first coordinator of the run, then 2, ...</param>
/// <param name="Before">Who led before, or null.</param>
public sealed record RunLed(int Term, string Host, string? Before) : RunProgress;

/// <summary>Somebody steers the run, or a pause that was asked for has begun.</summary>
/// <param name="Step">The last committed step.</param>
public sealed record RunSteered(SteeringState State, int Step, string Text) : RunProgress;

public enum SteeringState { Free, Pausing, Paused, Stopping }

/// <summary>Another coordinator leads; this one steps back.</summary>
/// <param name="Step">The last step that this one knew to be committed while it led.</param>
public sealed record RunSuperseded(string By, int Step = 0) : RunProgress;

/// <summary>A node came, goes, or was turned away.</summary>
/// <param name="State">Joined, Leaving or Refused.</param>
/// <param name="Devices">Those it joined with.</param>
public sealed record NodeChanged(NodeId Node, NodeState State, string Detail, IReadOnlyList<DeviceId>? Devices = null)
    : RunProgress;

/// <summary>A device is gone, or is given no more work.</summary>
/// <param name="State">Left, Lost, CutOff, Silent or Benched.</param>
public sealed record DeviceChanged(DeviceId Device, NodeState State, string Detail) : RunProgress;

/// <param name="Fraction">0..1 of the step's (or evaluation's) work done, from shard progress reports.</param>
public sealed record ShardsChanged(int Step, bool Evaluation, int Done, int Leased, int Total, double Fraction) : RunProgress;

/// <summary>A device spoke, or was given a shard.</summary>
/// <param name="Work">What it computes; null = it waits for work.</param>
public sealed record DeviceHeard(DeviceId Device, DeviceWork? Work) : RunProgress;

/// <param name="Fraction">Of the shard, 0..1.</param>
public sealed record DeviceWork(int Step, int Shard, bool Evaluation, string Phase, double Fraction);

/// <summary>A device could not do a shard, or handed in what is no result of it.</summary>
public sealed record ShardRefused(DeviceId Device, int Step, int Shard, string Why) : RunProgress;

/// <summary>A part of the adapter went to a node.</summary>
public sealed record ChunkSent(int Bytes) : RunProgress;

/// <param name="Truncations">K of each shard.</param>
/// <param name="Terms">Each term of the reward, as it counts itself.</param>
public sealed record StepCommitted(int Step, int Epoch, double RewardMean, double RewardStd, double Loss, double GradNorm,
    IReadOnlyList<int> Truncations, string AdapterSha256, double Seconds,
    IReadOnlyList<RewardScore>? Terms = null) : RunProgress;

/// <param name="Diversity">Mean pairwise cosine distance between image features of different prompts.</param>
/// <param name="Terms">On the held-out prompts: the reward's terms, then the rewards that are only evaluated.</param>
/// <param name="Best">The best adapter so far by the rule of <see cref="BestAdapter"/>.</param>
public sealed record EvaluationFinished(int Step, int Epoch, double RewardMean, double RewardStd, double Diversity,
    IReadOnlyList<EvaluatedSample> Samples, IReadOnlyList<RewardScore>? Terms = null, EvaluatedAdapter? Best = null)
    : RunProgress;

/// <summary>An adapter that was evaluated.</summary>
public sealed record EvaluatedAdapter(int Step, string Sha256, double RewardMean);

public sealed record EvaluatedSample(string Prompt, bool HeldOut, ulong Seed, double Reward, RgbImage Image);

/// <param name="Pixels">[height, width, 3].</param>
public sealed record RgbImage(byte[] Pixels, int Width, int Height);

public sealed record RunStopped(string RunId, int Step, string Reason, string AdapterSha256) : RunProgress;

/// <param name="Damaged">Something of the run's cannot be read any more: it does not go on by itself.</param>
public sealed record RunFailed(string RunId, int Step, string Error, bool Damaged = false) : RunProgress;

/// <summary>
/// A shard's result was taken: seconds per phase, the node's peak memory in bytes, the bytes that were fetched.
/// </summary>
public sealed record ShardTimed(int Step, int Shard, bool Evaluation, PhaseTimes Seconds, long PeakMemory,
    DeviceId? Device = null, long Bytes = 0) : RunProgress;
