using AlignProp.Adapters.Configurations;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Samplers;

/// <summary>Which variance the reverse process of DDPM has (Ho et al., 2020, section 3.2).</summary>
public enum DdpmVariance
{
    /// <summary>The posterior's, beta-tilde.</summary>
    FixedSmall,

    /// <summary>The forward step's, beta.</summary>
    FixedLarge,
}

/// <summary>
/// Ancestral sampling (Ho et al., 2020, eq. 7). Mirrors diffusers' DDPMScheduler: no noise is added at timestep 0 only.
/// </summary>
public sealed class DdpmSampler(SchedulerConfig config, DdpmVariance variance = DdpmVariance.FixedSmall) : ISampler
{
    private const float SmallestVariance = 1e-20f;

    // A DDPM chain ends at alpha-bar = 1, whatever the DDIM key set_alpha_to_one says.
    private readonly DdimSampler _forward = new(config with { SetAlphaToOne = true });

    /// <param name="eta">Not looked at: DDPM has no other variance than its own.</param>
    public ISchedule Schedule(int steps, double eta, long[] latentShape) => new Chain(_forward, variance, steps);

    public Tensor AddNoise(Tensor clean, Tensor noise, Tensor times) => _forward.AddNoise(clean, noise, times);

    public Tensor Target(Tensor clean, Tensor noise, Tensor times) => _forward.Target(clean, noise, times);

    public double TrainingTime(double uniform) => _forward.TrainingTime(uniform);

    public ISampler Ancestral => this;

    private sealed class Chain(DdimSampler forward, DdpmVariance variance, int steps) : ISchedule
    {
        private readonly long[] _timesteps = forward.Timesteps(steps);

        public IReadOnlyList<double> Times => field ??= [.. _timesteps.Select(t => (double)t)];

        public bool IsStochastic => true;

        public Tensor Step(int i, Tensor x, Tensor output, Tensor? noise = null)
        {
            using var scope = NewDisposeScope();
            var (mean, deviation) = Posterior(i, x, output);
            return (deviation is null
                ? mean
                : mean + (noise ?? throw new ArgumentNullException(nameof(noise), "DDPM needs noise")) * deviation.Value)
                    .MoveToOuterDisposeScope();
        }

        public Tensor Clean(int i, Tensor x, Tensor output)
        {
            using var scope = NewDisposeScope();
            return forward.Predict(output, x, forward.Alphas(_timesteps[i], steps).Alpha).X0.MoveToOuterDisposeScope();
        }

        public Gaussian? Distribution(int i, Tensor x, Tensor output)
        {
            using var scope = NewDisposeScope();
            var (mean, deviation) = Posterior(i, x, output);
            return deviation is { } found ? new Gaussian(mean.MoveToOuterDisposeScope(), found) : null;
        }

        /// <summary>q(x_{t-1} | x_t, x_0) at the predicted x_0; no deviation at timestep 0.</summary>
        private (Tensor Mean, float? Deviation) Posterior(int i, Tensor x, Tensor output)
        {
            var (alphaBar, previousBar) = forward.Alphas(_timesteps[i], steps);
            var alpha = alphaBar / previousBar;
            var beta = 1 - alpha;
            var (x0, _) = forward.Predict(output, x, alphaBar);
            var mean = x0 * (MathF.Sqrt(previousBar) * beta / (1 - alphaBar)) + x * (
                MathF.Sqrt(alpha) * (1 - previousBar) / (1 - alphaBar));
            if (_timesteps[i] == 0)
            {
                return (mean, null);
            }
            var small = MathF.Max((1 - previousBar) / (1 - alphaBar) * beta, SmallestVariance);
            return (mean, MathF.Sqrt(variance == DdpmVariance.FixedLarge ? beta : small));
        }
    }
}
