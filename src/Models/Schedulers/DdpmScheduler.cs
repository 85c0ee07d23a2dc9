using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Schedulers;

/// <summary>Which variance the reverse process of DDPM has (Ho et al., 2020, section 3.2).</summary>
public enum DdpmVariance
{
    /// <summary>The posterior's, beta-tilde.</summary>
    FixedSmall,

    /// <summary>The forward step's, beta.</summary>
    FixedLarge,
}

/// <summary>Ancestral sampling (Ho et al., 2020, eq. 7). Mirrors diffusers' DDPMScheduler: no noise is added at timestep 0 only.</summary>
public sealed class DdpmScheduler(SchedulerConfig config, DdpmVariance variance = DdpmVariance.FixedSmall)
{
    private const float SmallestVariance = 1e-20f;

    // A DDPM chain ends at alpha-bar = 1, whatever the DDIM key set_alpha_to_one says.
    private readonly DdimScheduler _schedule = new(config with { SetAlphaToOne = true });

    /// <summary>The timesteps of a chain of <paramref name="steps"/>, noisiest first.</summary>
    public long[] Timesteps(int steps) => _schedule.Timesteps(steps);

    /// <summary>One step x_t -> x_{t-1}.</summary>
    /// <param name="output">The model's prediction [B, C, H, W].</param>
    /// <param name="noise">Unit Gaussian noise, like <paramref name="sample"/>.</param>
    public Tensor Step(Tensor output, long t, Tensor sample, int steps, Tensor noise)
    {
        using var scope = NewDisposeScope();
        var (alphaBar, previousBar) = _schedule.Alphas(t, steps);
        var alpha = alphaBar / previousBar;
        var beta = 1 - alpha;
        var (x0, _) = _schedule.Predict(output, sample, alphaBar);
        var mean = x0 * (MathF.Sqrt(previousBar) * beta / (1 - alphaBar)) + sample * (MathF.Sqrt(alpha) * (1 - previousBar) / (1 - alphaBar));
        if (t == 0)
        {
            return mean.MoveToOuterDisposeScope();
        }
        var spread = variance == DdpmVariance.FixedLarge ? beta : MathF.Max((1 - previousBar) / (1 - alphaBar) * beta, SmallestVariance);
        return (mean + noise * MathF.Sqrt(spread)).MoveToOuterDisposeScope();
    }
}
