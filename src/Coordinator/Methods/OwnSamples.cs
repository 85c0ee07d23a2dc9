using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Methods;

/// <summary>
/// What DDPO and RWR share: a batch's first step begins with a round that samples and scores; then, and in the batch's further
/// steps, a round trains on those samples. Rewards need no gradient.
/// </summary>
public abstract class OwnSamples : IMethod
{
    /// <exception cref="ConfigException">fp16, whose gradients would need a loss scale of their own here.</exception>
    protected OwnSamples(RunConfig config)
    {
        Config = config;
        MethodCatalog.Require(config.Model.Precision != "fp16", "model.precision", config.Model.Precision,
            $"fp32 or bf16 with method = {config.Method}");
    }

    public abstract int StepsPerBatch { get; }

    public bool NeedsRewardGradient => false;

    protected RunConfig Config { get; }

    public IReadOnlyList<ShardTask>? Next(int step, IRunPast past, IReadOnlyList<RoundResult> done)
    {
        var first = step - (step - 1) % StepsPerBatch;
        if (step == first && done.Count == 0)
        {
            return [.. Enumerable.Repeat(new ShardTask.Rollout(), Config.Batch.Shards)];
        }
        if (done.Count > (step == first ? 1 : 0))
        {
            return null;
        }
        return [.. Train(first, step == first ? done[0].Rewards : past.Rewards(first), past)];
    }

    /// <summary>The training tasks, one a shard.</summary>
    /// <param name="first">The batch's first step.</param>
    /// <param name="rewards">Of its samples.</param>
    protected abstract IEnumerable<ShardTask> Train(int first, IReadOnlyList<float> rewards, IRunPast past);

    /// <summary>One number a sample, cut into shards.</summary>
    protected IEnumerable<float[]> ByShard(IReadOnlyList<double> samples) =>
        samples.Select(v => (float)v).Chunk(Config.Batch.ShardSize);
}
