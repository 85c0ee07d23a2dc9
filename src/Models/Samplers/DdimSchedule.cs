using static TorchSharp.torch;

namespace AlignProp.Models.Samplers;

/// <summary>A DDIM chain of N steps.</summary>
internal sealed class DdimSchedule(DdimSampler sampler, int steps, double eta) : ISchedule, ICoupledSchedule
{
    private readonly long[] _timesteps = sampler.Timesteps(steps);

    public IReadOnlyList<double> Times => field ??= [.. _timesteps.Select(t => (double)t)];

    public bool IsStochastic => eta > 0;

    public Tensor Step(int i, Tensor x, Tensor output, Tensor? noise = null) =>
        sampler.Step(output, _timesteps[i], x, steps, eta, noise);

    public Tensor Clean(int i, Tensor x, Tensor output)
    {
        using var scope = NewDisposeScope();
        return sampler.Predict(output, x, sampler.Alphas(_timesteps[i], steps).Alpha).X0.MoveToOuterDisposeScope();
    }

    public (float Keep, float Noise) Coefficients(int i)
    {
        var (alpha, previous) = sampler.Alphas(_timesteps[i], steps);
        var keep = MathF.Sqrt(previous / alpha);
        return (keep, MathF.Sqrt(1 - previous) - MathF.Sqrt(1 - alpha) * keep);
    }

    public Tensor Noise(int i, Tensor x, Tensor output)
    {
        using var scope = NewDisposeScope();
        return sampler.Predict(output, x, sampler.Alphas(_timesteps[i], steps).Alpha).Epsilon.MoveToOuterDisposeScope();
    }

    public Gaussian? Distribution(int i, Tensor x, Tensor output)
    {
        var (mean, deviation) = sampler.Distribution(output, _timesteps[i], x, steps, eta);
        // With set_alpha_to_one the last step draws nothing, whatever eta is.
        return deviation > 0 ? new Gaussian(mean, deviation) : null;
    }
}
