using AlignProp.Messages;

namespace AlignProp.Coordinator.Runs;

/// <summary>A run as its journal tells it: immutable, moved only by <see cref="Apply"/>; no clock, no randomness.</summary>
public sealed record RunState
{
    public RunCreated? Created { get; init; }

    /// <summary>The last committed step; 0 = only adapter 0.</summary>
    public int Step { get; init; }

    public BlobHash Adapter { get; init; }

    public BlobHash Moments { get; init; }

    public IReadOnlyList<EvaluationRecorded> Evaluations { get; init; } = [];

    /// <summary>Why the run ended, or null.</summary>
    public string? EndReason { get; init; }

    /// <summary>Adapters kept for the record: one per evaluated step.</summary>
    public IReadOnlyList<BlobHash> Milestones { get; init; } = [];

    public RunState Apply(IRunEvent e) => e switch
    {
        RunCreated created => this with { Created = created, Adapter = created.AdapterHash, Moments = created.MomentsHash },
        // A journal that skips or repeats a step is damaged: better to stop than to train on.
        StepCommittedEvent committed => committed.Step == Step + 1
            ? this with { Step = committed.Step, Adapter = committed.AdapterHash, Moments = committed.MomentsHash }
            : throw new InvalidDataException($"journal: step {committed.Step} follows step {Step}"),
        EvaluationRecorded evaluation => this with { Evaluations = [.. Evaluations, evaluation], Milestones = [.. Milestones, Adapter] },
        RunEnded ended => this with { EndReason = ended.Reason },
        _ => throw new InvalidDataException($"journal: unknown event {e.GetType().Name}"),
    };

    public bool IsEvaluated => Evaluations.Any(e => e.Step == Step);
}
