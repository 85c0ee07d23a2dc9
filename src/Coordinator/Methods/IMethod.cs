using AlignProp.Messages;

namespace AlignProp.Coordinator.Methods;

/// <summary>
/// How a step's gradient is made of shards: pure, and the same on every coordinator. A step is one round of tasks after the other
/// over the same batch; the last round's gradient is the step's. A new method is one file here, its line in <see
/// cref="MethodCatalog"/>, and a task computer on the node where no existing <see cref="ShardTask"/> does.
/// </summary>
public interface IMethod
{
    /// <summary>Optimizer steps on the same batch of samples, one after the other.</summary>
    int StepsPerBatch => 1;

    /// <summary>False: there is nothing to train, the model is evaluated once.</summary>
    bool Trains => true;

    /// <summary>Whether the reward must have a gradient in the picture.</summary>
    bool NeedsRewardGradient => true;

    /// <summary>The next round.</summary>
    /// <param name="step">From 1.</param>
    /// <param name="past">The steps before it.</param>
    /// <param name="done">The step's rounds that are done, in order.</param>
    /// <returns>One task a shard; null = the last round's gradient is complete.</returns>
    IReadOnlyList<ShardTask>? Next(int step, IRunPast past, IReadOnlyList<RoundResult> done);
}

/// <summary>What a round gave, as the next one may need it.</summary>
/// <param name="Rewards">In sample order, over the whole batch; none of a round that does not score.</param>
/// <param name="Terms">Mean and spread of each term of the reward.</param>
public sealed record RoundResult(IReadOnlyList<float> Rewards, IReadOnlyList<RewardScore> Terms);

/// <summary>What a run has committed, as far as methods may build on it.</summary>
public interface IRunPast
{
    /// <summary>The prompts of a step's samples, in sample order.</summary>
    IReadOnlyList<string> Prompts(int step);

    /// <summary>The rewards of a committed step's samples, in sample order.</summary>
    IReadOnlyList<float> Rewards(int step);
}
