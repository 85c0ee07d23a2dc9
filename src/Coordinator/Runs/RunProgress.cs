using AlignProp.Messages;

namespace AlignProp.Coordinator.Runs;

/// <summary>What the run actor publishes for the console, metrics and reports, in order. Pure data.</summary>
public abstract record RunProgress : Akka.Actor.INoSerializationVerificationNeeded;

public sealed record RunStarted(string RunId, int FromStep, int StepsPerEpoch, int MaxSteps, int ShardsPerStep, int AdapterParameters) : RunProgress;

/// <summary>Something worth a line: a pause, a takeover, a repair.</summary>
public sealed record RunNotice(string Text) : RunProgress;

/// <summary>Another coordinator leads; this one steps back.</summary>
public sealed record RunSuperseded(string By) : RunProgress;

public sealed record NodeChanged(string Node, string State, string Detail) : RunProgress;

/// <param name="Fraction">0..1 of the step's (or evaluation's) work done, from shard progress reports.</param>
public sealed record ShardsChanged(int Step, bool Evaluation, int Done, int Leased, int Total, double Fraction) : RunProgress;

/// <param name="Truncations">K of each shard.</param>
/// <param name="Terms">Each term of the reward, as it counts itself.</param>
public sealed record StepCommitted(int Step, int Epoch, double RewardMean, double RewardStd, double Loss, double GradNorm,
    IReadOnlyList<int> Truncations, string AdapterSha256, double Seconds,
    IReadOnlyList<RewardScore>? Terms = null) : RunProgress;

/// <param name="Diversity">Mean pairwise cosine distance between image features of different prompts.</param>
/// <param name="Terms">On the held-out prompts: the reward's terms, then the rewards that are only evaluated.</param>
public sealed record EvaluationFinished(int Step, int Epoch, double RewardMean, double RewardStd, double Diversity,
    IReadOnlyList<EvaluatedSample> Samples, IReadOnlyList<RewardScore>? Terms = null) : RunProgress;

/// <param name="Png">The decoded image as PNG.</param>
public sealed record EvaluatedSample(string Prompt, bool HeldOut, ulong Seed, double Reward, byte[] Png);

public sealed record RunStopped(string RunId, int Step, string Reason, string AdapterSha256) : RunProgress;

public sealed record RunFailed(string RunId, int Step, string Error) : RunProgress;

/// <summary>Seconds per phase of one shard and the node's peak memory in bytes.</summary>
public sealed record ShardTimed(int Step, int Shard, bool Evaluation, double SamplingSeconds, double ScoringSeconds, double BackwardSeconds, long PeakMemory) : RunProgress;
