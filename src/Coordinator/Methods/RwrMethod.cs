using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Methods;

/// <summary>
/// Reward-weighted regression: the denoising loss on the model's own samples, each weighted by its reward, in passes of one
/// optimizer step over the whole batch.
/// </summary>
public sealed class RwrMethod(RunConfig config) : OwnSamples(config)
{
    public override int StepsPerBatch => Config.Rwr.Passes;

    protected override IEnumerable<ShardTask> Train(int first, IReadOnlyList<float> rewards, IRunPast past)
    {
        var rules = Config.Rwr;
        var weights = rules.Weights switch
        {
            "prompt" => RewardWeights.OfPrompts(past.Prompts(first), rewards, rules.Beta),
            "normalised" => RewardWeights.Normalised(rewards, rules.Beta),
            "sparse" => RewardWeights.Sparse(rewards, rules.Percentile),
            "linear" => RewardWeights.Linear(rewards),
            _ => RewardWeights.Softmax(rewards, rules.Beta),
        };
        return ByShard(weights).Select(shard => new ShardTask.Regression(shard, rules.Draws, rules.Prediction == "guided"));
    }
}
