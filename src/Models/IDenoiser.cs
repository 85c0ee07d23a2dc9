using AlignProp.Adapters;
using static TorchSharp.torch;

namespace AlignProp.Models;

/// <summary>
/// The network that is called once a step. What speeds it up or spares memory (merged adapters, kept text states, recomputation)
/// is another implementation, or one around another.
/// </summary>
public interface IDenoiser : IDisposable
{
    /// <summary>Height and width of the latents the model was made for.</summary>
    (int Height, int Width) SampleSize { get; }

    /// <summary>Dtype of the frozen weights.</summary>
    ScalarType WeightType { get; }

    Device Device { get; }

    /// <summary>Every layer that can carry a LoRA branch.</summary>
    AdapterSites Sites { get; }

    /// <summary>What of a prediction depends on the conditioning alone; once a chain.</summary>
    Prepared Prepare(Conditioning conditioning);

    /// <param name="x">Noisy latents [B, C, h, w].</param>
    /// <param name="time">Of the sampler's: a number, or [B].</param>
    /// <param name="prepared">Of this denoiser's <see cref="Prepare"/>, for a batch of B.</param>
    /// <returns>
    /// What the sampler takes for the prediction (noise, v, velocity), like <paramref name="x"/>; differentiable in it and in
    /// LoRA weights.
    /// </returns>
    Tensor Predict(Tensor x, Tensor time, Prepared prepared);

    /// <summary>Attaches or replaces a layer's branch; null removes it.</summary>
    /// <param name="site">One of <see cref="Sites"/>.</param>
    void SetLora(AdapterSite site, LoraBranch? branch);
}

/// <summary>
/// A denoiser's own form of a conditioning; one that keeps more than the conditioning itself derives from this.
/// </summary>
public record Prepared(Conditioning Conditioning);
