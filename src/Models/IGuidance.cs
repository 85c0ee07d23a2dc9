using static TorchSharp.torch;

namespace AlignProp.Models;

/// <summary>What makes of a denoiser's predictions the one a step is made with.</summary>
public interface IGuidance
{
    /// <summary>Whether at this scale the negative prompt is looked at.</summary>
    bool NeedsNegative(double scale);

    /// <summary>A denoiser under guidance, for one chain; what depends on the conditioning alone is computed here.</summary>
    /// <param name="prompts">For a batch of B.</param>
    /// <param name="negative">The same for the negative prompt; null where it is not needed.</param>
    Predictor Prepare(IDenoiser denoiser, Conditioning prompts, Conditioning? negative, double scale);
}

/// <param name="x">Noisy latents [B, C, h, w].</param>
/// <param name="time">A number, or [B].</param>
/// <returns>The guided prediction, like <paramref name="x"/>.</returns>
public delegate Tensor Predictor(Tensor x, Tensor time);
