using static TorchSharp.torch;

namespace AlignProp.Models.Rewards;

/// <summary>Decoded images as people see them.</summary>
internal static class Pixels
{
    /// <param name="images">
    /// The VAE's output [B, 3, H, W], about [-1, 1]; what lies outside is clamped, with zero gradient.
    /// </param>
    /// <returns>[B, 3, H, W], fp32, 0 to 1.</returns>
    public static Tensor From(Tensor images) => (images.to(ScalarType.Float32) / 2 + 0.5f).clamp(0, 1);
}
