using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Rewards;

/// <summary>Decoded images as CLIP wants them: clamped to [0, 1], resized (bilinear), normalised.</summary>
public static class ClipPixels
{
    private static readonly float[] Mean = [0.48145466f, 0.4578275f, 0.40821073f];
    private static readonly float[] Std = [0.26862954f, 0.26130258f, 0.27577711f];

    /// <param name="images">The VAE's output [B, 3, H, W], about [-1, 1]; what lies outside is clamped, with zero gradient.</param>
    /// <param name="antialias">Off as in the official AlignProp code for CLIP rewards; on for heads trained with it.</param>
    /// <returns>[B, 3, size, size], fp32: the centre of the image where it is not square.</returns>
    public static Tensor From(Tensor images, int size, bool antialias)
    {
        using var scope = NewDisposeScope();
        var x = Resized(images, size, antialias);
        var (top, left) = ((x.shape[2] - size) / 2, (x.shape[3] - size) / 2);
        return x.narrow(2, top, size).narrow(3, left, size).MoveToOuterDisposeScope();
    }

    /// <summary>The shorter side becomes <paramref name="size"/>. Mirrors torchvision's Resize and Normalize on tensors.</summary>
    /// <returns>[B, 3, h, w], fp32, normalised.</returns>
    public static Tensor Resized(Tensor images, int size, bool antialias)
    {
        using var scope = NewDisposeScope();
        var x = (images.to(ScalarType.Float32) / 2 + 0.5f).clamp(0, 1);
        var (height, width) = (x.shape[2], x.shape[3]);
        if (Math.Min(height, width) != size)
        {
            long[] target = height <= width ? [size, size * width / height] : [size * height / width, size];
            x = nn.functional.interpolate(x, target, mode: InterpolationMode.Bilinear, align_corners: false, antialias: antialias);
        }
        var mean = tensor(Mean, device: images.device).view(1, 3, 1, 1);
        var std = tensor(Std, device: images.device).view(1, 3, 1, 1);
        return ((x - mean) / std).MoveToOuterDisposeScope();
    }
}
