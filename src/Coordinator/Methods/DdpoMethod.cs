using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Methods;

/// <summary>
/// DDPO (Black et al., 2023), the importance-sampled form with PPO's clipping: samples of a stochastic chain, advantages from
/// their rewards, and inner epochs of one optimizer step over the whole batch, all steps of every chain.
/// </summary>
public sealed class DdpoMethod : OwnSamples
{
    /// <exception cref="ConfigException">The chain draws nothing: there is no probability to raise.</exception>
    public DdpoMethod(RunConfig config)
        : base(config) => MethodCatalog.Require(config.Sampling.Eta > 0 || config.Sampling.Sampler == SamplingConfig.Ancestral,
            "sampling.eta", config.Sampling.Eta, "above 0 (DDPO's own: 1), or sampling.sampler = ancestral, with method = ddpo");

    public override int StepsPerBatch => Config.Ddpo.InnerEpochs;

    protected override IEnumerable<ShardTask> Train(int first, IReadOnlyList<float> rewards, IRunPast past)
    {
        var rules = Config.Ddpo;
        var advantages = rules.Statistics == "batch" ? Advantages.OfBatch(rewards)
            : Advantages.OfPrompts(past.Prompts(first), rewards, Earlier(first, past), rules.Buffer, rules.MinCount);
        return ByShard([.. advantages.Select(a => Math.Clamp(a, -rules.AdvantageClip, rules.AdvantageClip))])
            .Select(shard => new ShardTask.PolicyGradient(Config.Sampling.Steps, shard, rules.ClipRange));
    }

    /// <summary>Prompts and rewards of the batches before, the newest sample first.</summary>
    private IEnumerable<(string Prompt, float Reward)> Earlier(int first, IRunPast past)
    {
        for (var step = first - StepsPerBatch; step >= 1; step -= StepsPerBatch)
        {
            foreach (var sample in past.Prompts(step).Zip(past.Rewards(step)).Reverse())
            {
                yield return sample;
            }
        }
    }
}
