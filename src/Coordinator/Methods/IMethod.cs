using AlignProp.Messages;

namespace AlignProp.Coordinator.Methods;

/// <summary>
/// How a step's gradient is made of shards: pure, and the same on every coordinator. A step is one round of tasks after the other
/// over the same batch; the last round's gradient is the step's. A new method is one file here, its line in <see
/// cref="MethodCatalog"/>, and a task computer on the node where no existing <see cref="ShardTask"/> does.
/// </summary>
public interface IMethod
{
    /// <summary>The next round.</summary>
    /// <param name="step">From 1.</param>
    /// <param name="done">The step's rounds that are done, in order.</param>
    /// <returns>One task a shard; null = the last round's gradient is complete.</returns>
    IReadOnlyList<ShardTask>? Next(int step, IReadOnlyList<RoundResult> done);
}

/// <summary>What a round gave, as the next one may need it.</summary>
/// <param name="Rewards">In sample order, over the whole batch.</param>
public sealed record RoundResult(IReadOnlyList<float> Rewards);
