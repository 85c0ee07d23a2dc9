using AlignProp.Adapters;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Methods;

/// <summary>
/// AlignProp (Prabhudesai et al., 2023): one round, in which the reward's gradient goes back through the last K steps of each
/// chain, K drawn once a shard: the paper's K ~ U{1..N}, or another strategy of <c>truncation</c>.
/// </summary>
public sealed class AlignPropMethod(RunConfig config) : IMethod
{
    private readonly int _steps = config.Sampling.Steps;

    public IReadOnlyList<ShardTask>? Next(int step, IRunPast past, IReadOnlyList<RoundResult> done) => done.Count > 0
        ? null
        : [.. Enumerable.Range(0, config.Batch.Shards)
            .Select(shard => new ShardTask.Reparametrized(GradientPlan.LastSteps(DrawK(step, shard), _steps)))];

    private int DrawK(int step, int shard)
    {
        var random = new DeterministicRandom(Seeds.Derive(config.Seed, step, shard, Seeds.Truncation));
        return config.Truncation.Strategy switch
        {
            "full" => _steps,
            "fixed" => config.Truncation.K,
            "gaussian" => DrawGaussian(random),
            _ => random.NextInt(1, _steps),
        };
    }

    /// <summary>
    /// The official code: cut ~ N(mean, std), redrawn until 1 &lt;= cut &lt; N; the steps from the cut on carry gradient.
    /// </summary>
    private int DrawGaussian(DeterministicRandom random)
    {
        for (var i = 0; i < 1000; i++)
        {
            var cut = (int)(config.Truncation.Mean + config.Truncation.Std * random.NextGaussian());
            if (cut >= 1 && cut < _steps)
            {
                return _steps - cut;
            }
        }
        return 1;
    }
}
