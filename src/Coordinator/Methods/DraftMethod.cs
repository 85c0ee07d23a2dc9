using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Methods;

/// <summary>
/// DRaFT (Clark et al., 2024): one round, in which the reward's gradient goes back through the last K steps of every chain.
/// DRaFT-LV (K = 1) lowers its variance with copies of x_0 that are noised to the last step's time and denoised once more.
/// </summary>
public sealed class DraftMethod : IMethod
{
    private readonly RunConfig _config;

    /// <exception cref="ConfigException">K is more than the chain has, or copies are asked for with another K than 1.</exception>
    public DraftMethod(RunConfig config)
    {
        _config = config;
        var (k, copies, steps) = (config.Draft.K, config.Draft.Copies, config.Sampling.Steps);
        MethodCatalog.Require(k <= steps, "draft.k", k, $"1 to sampling.steps = {steps}");
        MethodCatalog.Require(copies == 0 || k == 1, "draft.copies", copies, $"0 where draft.k = {k} is not 1");
    }

    public IReadOnlyList<ShardTask>? Next(int step, IRunPast past, IReadOnlyList<RoundResult> done) => done.Count > 0
        ? null
        : [.. Enumerable.Repeat(new ShardTask.Reparametrized(
            GradientPlan.LastSteps(_config.Draft.K, _config.Sampling.Steps) with { Renoised = _config.Draft.Copies }),
            _config.Batch.Shards)];
}
