using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Training;

/// <summary>
/// Reward-weighted regression's step: the denoising loss on given clean latents, each with its weight; the mean over the batch of
/// w_i times the mean squared error of what the denoiser predicts at a random time.
/// </summary>
/// <param name="predictor">The denoiser, guided or not.</param>
public sealed class RegressionStep(ISampler sampler, Predictor predictor)
{
    /// <summary>Adds one draw's gradient to the LoRA weights' <c>grad</c>.</summary>
    /// <param name="clean">x_0 [B, C, h, w].</param>
    /// <param name="weights">[B].</param>
    /// <param name="times">[B].</param>
    /// <param name="noise">Unit Gaussian noise, like <paramref name="clean"/>.</param>
    /// <param name="draws">How many draws the loss is the mean over.</param>
    /// <returns>The draw's part of the loss.</returns>
    public double Run(Tensor clean, Tensor weights, Tensor times, Tensor noise, int draws)
    {
        using var scope = NewDisposeScope();
        var x = sampler.AddNoise(clean, noise, times);
        var error = (predictor(x, times) - sampler.Target(clean, noise, times)).square().mean([1, 2, 3]);
        var part = (error * weights).mean() / draws;
        part.backward();
        return part.to(ScalarType.Float64).item<double>();
    }
}
