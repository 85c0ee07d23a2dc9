using static TorchSharp.torch;

namespace AlignProp.Models;

/// <summary>Latents -> images, and the gradient back.</summary>
public interface ILatentCodec : IDisposable
{
    /// <summary>Of the latents.</summary>
    int Channels { get; }

    /// <summary>Pixels per latent along a side, e.g. 8.</summary>
    int Factor { get; }

    /// <summary>Whether autograd simply runs through <see cref="Decode"/> for such latents.</summary>
    /// <param name="latents">[B, C, h, w].</param>
    bool IsPlain(Tensor latents);

    /// <param name="latents">Scaled, [B, C, h, w].</param>
    /// <returns>[B, 3, H, W], about [-1, 1], not clamped, in the latents' dtype.</returns>
    Tensor Decode(Tensor latents);

    /// <summary>The vector-Jacobian product of <see cref="Decode"/>.</summary>
    /// <param name="latents">Where it was decoded.</param>
    /// <param name="gradient">In the images [B, 3, H, W].</param>
    /// <returns>In the latents [B, C, h, w], in their dtype.</returns>
    Tensor Gradient(Tensor latents, Tensor gradient);
}
