using AlignProp.Adapters;
using AlignProp.Adapters.Configurations;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Samplers;

/// <summary>
/// DDIM (Song et al., 2021, eq. 12) as Stable Diffusion uses it. Mirrors diffusers' DDIMScheduler; every step is
/// differentiable in the sample and in the model's output.
/// </summary>
public sealed class DdimSampler : ISampler
{
    private readonly SchedulerConfig _config;
    private readonly float[] _alphasCumprod;
    private readonly float _finalAlphaCumprod;

    /// <exception cref="ModelFileException">The configuration names a schedule that is not implemented.</exception>
    public DdimSampler(SchedulerConfig config)
    {
        _config = config;
        _alphasCumprod = NoiseSchedule.AlphasCumprod(config);
        _finalAlphaCumprod = config.SetAlphaToOne ? 1f : _alphasCumprod[0];
    }

    public SchedulerConfig Config => _config;

    /// <summary>The products of (1 - beta), fp32 [num_train_timesteps], on the CPU; the caller disposes it.</summary>
    public Tensor AlphasCumprod => tensor(_alphasCumprod);

    /// <summary>The timesteps of a chain of <paramref name="steps"/>, noisiest first.</summary>
    public long[] Timesteps(int steps) => NoiseSchedule.Timesteps(_config, steps);

    public ISchedule Schedule(int steps, double eta, long[] latentShape) => new DdimSchedule(this, steps, eta);

    /// <summary>One step x_t -> x_{t-1}.</summary>
    /// <param name="output">The model's prediction [B, C, H, W].</param>
    /// <param name="t">The step's timestep, from <see cref="Timesteps"/>.</param>
    /// <param name="steps">Length of the chain.</param>
    /// <param name="eta">0 = deterministic, 1 = DDPM's variance.</param>
    /// <param name="noise">Variance noise [B, C, H, W], needed when eta is above 0.</param>
    public Tensor Step(Tensor output, long t, Tensor sample, int steps, double eta = 0, Tensor? noise = null)
    {
        using var scope = NewDisposeScope();
        var (previous, sigma) = Distribution(output, t, sample, steps, eta);
        if (eta > 0)
        {
            previous = previous + (noise
                ?? throw new ArgumentNullException(nameof(noise), "eta > 0 needs variance noise")) * sigma;
        }
        return previous.MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The Gaussian that a step draws from (eq. 12 of Song et al.): its mean [B, C, H, W] and standard deviation.
    /// </summary>
    public (Tensor Mean, float Sigma) Distribution(Tensor output, long t, Tensor sample, int steps, double eta)
    {
        using var scope = NewDisposeScope();
        var (alpha, alphaPrevious) = Alphas(t, steps);
        var (x0, epsilon) = Predict(output, sample, alpha);
        var sigma = Sigma(alpha, alphaPrevious, eta);
        var direction = MathF.Sqrt(MathF.Max(0, 1 - alphaPrevious - sigma * sigma));
        return ((x0 * MathF.Sqrt(alphaPrevious) + epsilon * direction).MoveToOuterDisposeScope(), sigma);
    }

    /// <summary>q(x_t | x_0): sqrt(alpha-bar) x_0 + sqrt(1 - alpha-bar) noise, at whole timesteps.</summary>
    public Tensor AddNoise(Tensor clean, Tensor noise, Tensor times)
    {
        using var scope = NewDisposeScope();
        var alpha = AlphasAt(times, clean.device);
        return (clean * alpha.sqrt() + noise * (1 - alpha).sqrt()).MoveToOuterDisposeScope();
    }

    private Tensor AlphasAt(Tensor times, Device device) => tensor(_alphasCumprod, device: device)
        .index_select(0, times.to(ScalarType.Int64, device)).view(-1, 1, 1, 1);

    /// <inheritdoc/>
    public Tensor Target(Tensor clean, Tensor noise, Tensor times)
    {
        if (_config.PredictionType == "epsilon")
        {
            return noise;
        }
        if (_config.PredictionType == "sample")
        {
            return clean;
        }
        // v = sqrt(alpha-bar) noise - sqrt(1 - alpha-bar) x_0 (Salimans and Ho, 2022).
        using var scope = NewDisposeScope();
        var alpha = AlphasAt(times, clean.device);
        return (noise * alpha.sqrt() - clean * (1 - alpha).sqrt()).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public double TrainingTime(double uniform) => Math.Floor(uniform * _config.TrainTimesteps);

    /// <inheritdoc/>
    public ISampler Ancestral => new DdpmSampler(_config);

    /// <summary>The noise-free image and the noise that a prediction stands for (epsilon, v_prediction or sample).</summary>
    public (Tensor X0, Tensor Epsilon) Predict(Tensor output, Tensor sample, float alpha)
    {
        var (a, b) = (MathF.Sqrt(alpha), MathF.Sqrt(1 - alpha));
        var (x0, epsilon) = _config.PredictionType switch
        {
            "epsilon" => ((sample - output * b) / a, output),
            "v_prediction" => (sample * a - output * b, output * a + sample * b),
            "sample" => (output, (sample - output * a) / b),
            var other => throw new ModelFileException(
                $"scheduler: prediction_type {other} is not supported; expected epsilon, v_prediction or sample"),
        };
        return (_config.ClipSample ? x0.clamp(-_config.ClipSampleRange, _config.ClipSampleRange) : x0, epsilon);
    }

    /// <summary>Cumulative alphas of t and of the step before it in a chain of <paramref name="steps"/>.</summary>
    public (float Alpha, float Previous) Alphas(long t, int steps)
    {
        var previous = t - _config.TrainTimesteps / steps;
        return (_alphasCumprod[t], previous >= 0 ? _alphasCumprod[previous] : _finalAlphaCumprod);
    }

    /// <summary>Standard deviation of a step's noise (eq. 16 of Song et al.).</summary>
    public static float Sigma(float alpha, float alphaPrevious, double eta) =>
        (float)eta * MathF.Sqrt((1 - alphaPrevious) / (1 - alpha) * (1 - alpha / alphaPrevious));
}
