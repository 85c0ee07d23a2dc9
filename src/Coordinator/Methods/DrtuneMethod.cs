using AlignProp.Adapters;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Methods;

/// <summary>
/// DRTune (Wu et al., 2024): one round; the denoiser's input is a constant, so that the gradient comes back through what the
/// sampler itself makes of x_t and K evenly spaced steps are trained, early ones too. The chain is left up to a share of its
/// steps early. How stop and phase are drawn follows a public re-implementation: stop = N - u, u ~ U{1..round(share N)}, stride
/// = floor(steps run / K), phase uniform over what fits.
/// </summary>
public sealed class DrtuneMethod : IMethod
{
    private readonly RunConfig _config;
    private readonly int _early;

    /// <exception cref="ConfigException">What is run of the chain at least is shorter than K.</exception>
    public DrtuneMethod(RunConfig config)
    {
        _config = config;
        _early = (int)Math.Round(config.Drtune.EarlyStop * config.Sampling.Steps, MidpointRounding.ToEven);
        var least = Run(config.Sampling.Steps - _early);
        MethodCatalog.Require(config.Drtune.K <= least, "drtune.k", config.Drtune.K,
            $"1 to {least}, the steps that are run at least of sampling.steps = {config.Sampling.Steps}");
    }

    public IReadOnlyList<ShardTask>? Next(int step, IRunPast past, IReadOnlyList<RoundResult> done) => done.Count > 0
        ? null
        : [.. Enumerable.Range(0, _config.Batch.Shards).Select(shard => new ShardTask.Reparametrized(Plan(step, shard)))];

    private GradientPlan Plan(int step, int shard)
    {
        var random = new DeterministicRandom(Seeds.Derive(_config.Seed, step, shard, Seeds.Truncation));
        var stop = _config.Sampling.Steps - (_early == 0 ? 0 : random.NextInt(1, _early));
        var (k, run) = (_config.Drtune.K, Run(stop));
        var stride = run / k;
        var phase = random.NextInt(0, run - 1 - stride * (k - 1));
        return new GradientPlan(stop, StepSet.Of(Enumerable.Range(0, k).Select(j => phase + stride * j)), false, 0);
    }

    /// <summary>Steps whose predictions are made when the chain stops there: the stop's own too.</summary>
    private int Run(int stop) => Math.Min(stop + 1, _config.Sampling.Steps);
}
