using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Rewards;

/// <summary>Decoded images as CLIP wants them: clamped to [0, 1], resized (bilinear, antialiased), normalised.</summary>
public static class ClipPixels
{
    private static readonly float[] Mean = [0.48145466f, 0.4578275f, 0.40821073f];
    private static readonly float[] Std = [0.26862954f, 0.26130258f, 0.27577711f];

    /// <param name="images">The VAE's output [B, 3, H, W], about [-1, 1]; what lies outside is clamped, with zero gradient.</param>
    /// <returns>[B, 3, size, size], fp32.</returns>
    public static Tensor From(Tensor images, int size)
    {
        using var scope = NewDisposeScope();
        var x = (images.to(ScalarType.Float32) / 2 + 0.5f).clamp(0, 1);
        if (x.shape[2] != size || x.shape[3] != size)
        {
            x = nn.functional.interpolate(x, [size, size], mode: InterpolationMode.Bilinear, align_corners: false, antialias: true);
        }
        var mean = tensor(Mean, device: images.device).view(1, 3, 1, 1);
        var std = tensor(Std, device: images.device).view(1, 3, 1, 1);
        return ((x - mean) / std).MoveToOuterDisposeScope();
    }
}
