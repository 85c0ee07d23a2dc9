namespace AlignProp.Messages;

/// <summary>An event of a run's append-only journal.</summary>
public interface IRunEvent : IAlignPropMessage;

/// <param name="Config">The resolved run file.</param>
/// <param name="AdapterHash">Adapter 0.</param>
public sealed record RunCreated(RunId Run, string Config, ShardSettings Settings, BlobHash AdapterHash, BlobHash MomentsHash) : IRunEvent;

/// <summary>One optimizer step. Its adapter and moments were durable before this was written.</summary>
public sealed record StepCommittedEvent(int Step, BlobHash AdapterHash, BlobHash MomentsHash, double RewardMean, double RewardStd, double Loss,
    double GradNorm, IReadOnlyList<int> Truncations, double Seconds) : IRunEvent;

public sealed record EvaluationRecorded(int Step, double RewardMean, double RewardStd, double Diversity) : IRunEvent;

public sealed record RunEnded(int Step, string Reason) : IRunEvent;
