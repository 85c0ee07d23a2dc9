using static TorchSharp.torch;

namespace AlignProp.Models;

/// <summary>How noise becomes latents: which times a chain visits, and what a step makes of a prediction.</summary>
public interface ISampler
{
    /// <param name="eta">How much noise every step adds: 0 = none, 1 = as much as the forward process took away.</param>
    /// <param name="latentShape">[C, h, w]: some schedules depend on it.</param>
    /// <exception cref="ArgumentOutOfRangeException">No chain of so many steps.</exception>
    ISchedule Schedule(int steps, double eta, long[] latentShape);

    /// <summary>The forward process: clean latents with noise as of a time.</summary>
    /// <param name="clean">x_0 [B, C, h, w].</param>
    /// <param name="noise">Unit Gaussian noise, like <paramref name="clean"/>.</param>
    /// <param name="times">[B].</param>
    Tensor AddNoise(Tensor clean, Tensor noise, Tensor times);

    /// <summary>What the denoiser should predict of those: the noise, v, or the clean latents themselves.</summary>
    /// <inheritdoc cref="AddNoise"/>
    Tensor Target(Tensor clean, Tensor noise, Tensor times);

    /// <summary>A time that the denoiser was trained at.</summary>
    /// <param name="uniform">From 0 to below 1: all times are equally likely.</param>
    double TrainingTime(double uniform);

    /// <summary>The same model's ancestral (DDPM) sampler; null where there is none.</summary>
    ISampler? Ancestral { get; }
}

/// <summary>The steps of one chain; 0 is the noisiest. Every method is differentiable in <c>x</c> and <c>output</c>.</summary>
public interface ISchedule
{
    /// <summary>The time of every step as the denoiser counts it, noisiest first; not always whole numbers.</summary>
    IReadOnlyList<double> Times { get; }

    /// <summary>Whether steps need noise.</summary>
    bool IsStochastic { get; }

    /// <param name="x">x_t [B, C, h, w].</param>
    /// <param name="output">The (guided) prediction at x_t.</param>
    /// <param name="noise">Unit Gaussian noise of this step, where the schedule is stochastic.</param>
    /// <returns>The next latents.</returns>
    Tensor Step(int i, Tensor x, Tensor output, Tensor? noise = null);

    /// <summary>The clean latents x_0 that the prediction stands for.</summary>
    Tensor Clean(int i, Tensor x, Tensor output);

    /// <summary>What step i draws from; null where it draws nothing.</summary>
    Gaussian? Distribution(int i, Tensor x, Tensor output);
}

/// <summary>A Gaussian with one deviation for all elements.</summary>
/// <param name="Mean">[B, ...].</param>
/// <param name="Deviation">Above 0.</param>
public sealed record Gaussian(Tensor Mean, float Deviation)
{
    /// <summary>
    /// log p as DDPO (Black et al., 2023) has it: the mean over all elements of a sample, not the sum. Differentiable in <see
    /// cref="Mean"/>.
    /// </summary>
    /// <param name="value">[B, ...], held constant.</param>
    /// <returns>[B].</returns>
    public Tensor LogProbability(Tensor value)
    {
        using var scope = TorchSharp.torch.NewDisposeScope();
        var normaliser = MathF.Log(Deviation) + MathF.Log(MathF.Sqrt(2 * MathF.PI));
        var logDensity = (value.detach() - Mean).square() / (-2 * Deviation * Deviation) - normaliser;
        return logDensity.mean([.. Enumerable.Range(1, (int)Mean.dim() - 1).Select(d => (long)d)]).MoveToOuterDisposeScope();
    }
}
