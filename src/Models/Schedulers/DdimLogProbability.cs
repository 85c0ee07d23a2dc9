using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Schedulers;

/// <summary>
/// log p(x_{t-1} | x_t) of a stochastic DDIM step, as DDPO (Black et al., 2023) has it: the mean over channels and pixels, not the
/// sum. The last step reads alpha-bar of timestep 0, also where set_alpha_to_one would make its variance zero.
/// </summary>
public sealed class DdimLogProbability(SchedulerConfig config)
{
    private readonly DdimScheduler _scheduler = new(config with { SetAlphaToOne = false });

    /// <param name="output">The model's prediction [B, C, H, W]; the result is differentiable in it.</param>
    /// <param name="previous">x_{t-1} [B, C, H, W], held constant.</param>
    /// <param name="eta">Above 0.</param>
    /// <returns>[B].</returns>
    public Tensor Of(Tensor previous, Tensor output, long t, Tensor sample, int steps, double eta)
    {
        using var scope = NewDisposeScope();
        var (mean, sigma) = _scheduler.Distribution(output, t, sample, steps, eta);
        var logDensity = (previous.detach() - mean).square() / (-2 * sigma * sigma) - (MathF.Log(sigma) + MathF.Log(MathF.Sqrt(2 * MathF.PI)));
        return logDensity.mean([1, 2, 3]).MoveToOuterDisposeScope();
    }

    /// <summary>The step itself, from the same distribution.</summary>
    public Tensor Step(Tensor output, long t, Tensor sample, int steps, double eta, Tensor noise) =>
        _scheduler.Step(output, t, sample, steps, eta, noise);
}
