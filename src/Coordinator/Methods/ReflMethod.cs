using AlignProp.Adapters;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Methods;

/// <summary>
/// ReFL (Xu et al., 2023): one round; the chain is left at a late step, drawn once a shard, and the clean latents that this
/// step's prediction stands for are decoded and scored. Only that prediction carries gradient. As published: 40 ancestral
/// steps, no guidance, and loss.kind = hinge with target 2 and scale 0.001.
/// </summary>
public sealed class ReflMethod : IMethod
{
    private readonly RunConfig _config;

    /// <exception cref="ConfigException">The chain is shorter than what one is drawn of.</exception>
    public ReflMethod(RunConfig config)
    {
        _config = config;
        MethodCatalog.Require(config.Refl.Late <= config.Sampling.Steps, "refl.late", config.Refl.Late,
            $"1 to sampling.steps = {config.Sampling.Steps}");
    }

    public IReadOnlyList<ShardTask>? Next(int step, IRunPast past, IReadOnlyList<RoundResult> done) => done.Count > 0
        ? null
        : [.. Enumerable.Range(0, _config.Batch.Shards).Select(shard => new ShardTask.Reparametrized(Plan(step, shard)))];

    private GradientPlan Plan(int step, int shard)
    {
        var steps = _config.Sampling.Steps;
        var late = Seeds.UniformInt(Seeds.Derive(_config.Seed, step, shard, Seeds.Truncation), steps - _config.Refl.Late,
            steps - 1);
        return new GradientPlan(late, StepSet.Of(late), true, 0);
    }
}
