using System.Collections.Immutable;
using AlignProp.Coordinator.Methods;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Runs;

/// <summary>A run as its journal tells it: immutable, moved only by <see cref="Apply"/>; no clock, no randomness.</summary>
public sealed record RunState
{
    public RunCreated? Created { get; init; }

    /// <summary>The last committed step; 0 = only adapter 0.</summary>
    public int Step { get; init; }

    public BlobHash Adapter { get; init; }

    public BlobHash Moments { get; init; }

    /// <summary>
    /// What the last step was computed from, kept in the store to compute it again should its blobs be damaged.
    /// </summary>
    public (BlobHash Adapter, BlobHash Moments)? Before { get; init; }

    /// <summary>
    /// Optimizer steps on one batch: the adapter before its first, which made its samples, is kept until the last one.
    /// </summary>
    public int StepsPerBatch { get; init; } = 1;

    /// <summary>Every committed step, the first one first.</summary>
    public ImmutableList<CommittedStep> Steps { get; init; } = [];

    /// <summary>Blobs that were superseded by the last step and are no milestone: they may go.</summary>
    public IReadOnlyList<BlobHash> Superseded { get; init; } = [];

    /// <summary>The newest elected coordinator.</summary>
    public CoordinatorElected? Coordinator { get; init; }

    public IReadOnlyList<EvaluationRecorded> Evaluations { get; init; } = [];

    /// <summary>Why the run ended, or null.</summary>
    public string? EndReason { get; init; }

    /// <summary>Adapters kept for the record: one per evaluated step.</summary>
    public IReadOnlyList<BlobHash> Milestones { get; init; } = [];

    public RunState Apply(IRunEvent e) => e switch
    {
        CoordinatorElected elected => elected.Term == (Coordinator?.Term ?? 0) + 1
            ? this with { Coordinator = elected }
            : throw new InvalidDataException($"journal: term {elected.Term} follows term {Coordinator?.Term ?? 0}"),
        RunCreated created => this with { Created = created, Adapter = created.AdapterHash, Moments = created.MomentsHash },
        StepCommittedEvent committed => Commit(committed),
        EvaluationRecorded evaluation =>
            this with { Evaluations = [.. Evaluations, evaluation], Milestones = [.. Milestones, Adapter] },
        RunEnded ended => this with { EndReason = ended.Reason },
        _ => throw new InvalidDataException($"journal: unknown event {e.GetType().Name}"),
    };

    /// <summary>The first step of a step's batch.</summary>
    public int FirstOfBatch(int step) => step - (step - 1) % StepsPerBatch;

    /// <summary>The adapter that makes the samples of a step: the one before the first step of its batch.</summary>
    /// <param name="step">Up to the next one.</param>
    public BlobHash Behaviour(int step) => FirstOfBatch(step) is var first && first > Step ? Adapter : Steps[first - 1].Before;

    /// <summary>The best evaluated adapter; null before the first evaluation.</summary>
    public EvaluatedAdapter? Best(RunConfig config) => BestAdapter.Of(config, Evaluations) is { } i
        ? new EvaluatedAdapter(Evaluations[i].Step, Milestones[i].Value, Evaluations[i].RewardMean) : null;

    public bool IsEvaluated => Evaluations.Any(e => e.Step == Step);

    private RunState Commit(StepCommittedEvent committed)
    {
        // A journal that skips or repeats a step, or has one of a deposed coordinator, is damaged: better to stop than to train
        // on.
        if (committed.Step != Step + 1 || committed.Term != Coordinator?.Term)
        {
            throw new InvalidDataException(
                $"journal: step {committed.Step} of term {committed.Term} follows step {Step} of term {Coordinator?.Term}");
        }
        var behaviour = Behaviour(committed.Step);
        HashSet<BlobHash> kept = [committed.AdapterHash, committed.MomentsHash, Adapter, Moments, behaviour, .. Milestones];
        BlobHash[] old = Before is { } before ? [before.Adapter, before.Moments, Behaviour(Step)] : [];
        return this with
        {
            Step = committed.Step,
            Steps = Steps.Add(new CommittedStep(Adapter, new RoundResult(committed.Rewards ?? [], committed.Terms ?? []))),
            Adapter = committed.AdapterHash,
            Moments = committed.MomentsHash,
            Before = (Adapter, Moments),
            Superseded = [.. old.Distinct().Where(h => !kept.Contains(h))],
            // A run that was stopped and resumed goes on.
            EndReason = null,
        };
    }
}

/// <summary>What later steps may build on.</summary>
/// <param name="Before">The adapter it started from.</param>
/// <param name="Scored">What its samples got.</param>
public sealed record CommittedStep(BlobHash Before, RoundResult Scored);
