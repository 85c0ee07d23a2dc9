using AlignProp.Messages.Configuration;

namespace AlignProp.Messages;

/// <summary>An event of a run's append-only journal.</summary>
public interface IRunEvent : IAlignPropMessage;

/// <summary>
/// A coordinator took the run over. The journal numbers events without gaps and refuses a number twice, so of two coordinators
/// that both believe they lead, one fails at its next event and finds this one.
/// </summary>
/// <param name="Term">1, 2, ...; every commit carries it.</param>
/// <param name="Life">The coordinator's actor system, one id a start.</param>
public sealed record CoordinatorElected(int Term, string Life, string Host) : IRunEvent;

/// <param name="Config">The resolved run file.</param>
/// <param name="Files">What the files it names were; none in journals of older versions.</param>
/// <param name="AdapterHash">Adapter 0.</param>
public sealed record RunCreated(RunId Run, string Config, IReadOnlyList<FileFingerprint> Files, BlobHash AdapterHash,
    BlobHash MomentsHash) : IRunEvent;

/// <summary>One optimizer step. Its adapter and moments were durable before this was written.</summary>
/// <param name="Term">Of the coordinator that committed it: always the newest elected one.</param>
/// <param name="Terms">Each term of the reward; none in journals from before there were terms.</param>
/// <param name="Rewards">
/// Of every sample, in sample order: what methods that learn from their own samples go on with. None in older journals.
/// </param>
public sealed record StepCommittedEvent(int Term, int Step, BlobHash AdapterHash, BlobHash MomentsHash, double RewardMean,
    double RewardStd, double Loss,
    double GradNorm, IReadOnlyList<int> Truncations, double Seconds, IReadOnlyList<RewardScore>? Terms = null,
    IReadOnlyList<float>? Rewards = null) : IRunEvent;

/// <param name="Terms">
/// The terms of the reward, then the rewards that are only evaluated; none in journals from before there were terms.
/// </param>
public sealed record EvaluationRecorded(int Step, double RewardMean, double RewardStd, double Diversity,
    IReadOnlyList<RewardScore>? Terms = null) : IRunEvent;

public sealed record RunEnded(int Step, string Reason) : IRunEvent;
