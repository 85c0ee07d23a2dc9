using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Rewards;

/// <summary>Decoded images as CLIP wants them: clamped to [0, 1], resized (bilinear), normalised.</summary>
public static class ClipPixels
{
    private static readonly float[] Mean = [0.48145466f, 0.4578275f, 0.40821073f];
    private static readonly float[] Std = [0.26862954f, 0.26130258f, 0.27577711f];

    /// <param name="images">
    /// The VAE's output [B, 3, H, W], about [-1, 1]; what lies outside is clamped, with zero gradient.
    /// </param>
    /// <param name="mode">
    /// Bilinear as in the official AlignProp code; bicubic as in the evaluations of models that came later.
    /// </param>
    /// <param name="antialias">Off as in the official AlignProp code for CLIP rewards; on for heads trained with it.</param>
    /// <returns>[B, 3, size, size], fp32: the centre of the image where it is not square.</returns>
    public static Tensor From(Tensor images, int size, bool antialias, InterpolationMode mode = InterpolationMode.Bilinear)
    {
        using var scope = NewDisposeScope();
        var x = Resized(images, size, antialias, mode);
        var (top, left) = ((x.shape[2] - size) / 2, (x.shape[3] - size) / 2);
        return x.narrow(2, top, size).narrow(3, left, size).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The shorter side becomes <paramref name="size"/>. Mirrors torchvision's Resize and Normalize on tensors.
    /// </summary>
    /// <returns>[B, 3, h, w], fp32, normalised.</returns>
    public static Tensor Resized(Tensor images, int size, bool antialias, InterpolationMode mode = InterpolationMode.Bilinear)
    {
        var (height, width) = (images.shape[2], images.shape[3]);
        return height <= width
            ? To(images, size, size * width / height, antialias, mode)
            : To(images, size * height / width, size, antialias, mode);
    }

    /// <summary>Both sides become <paramref name="size"/>, whatever they were: OWL-ViT's preprocessing.</summary>
    /// <returns>[B, 3, size, size], fp32, normalised.</returns>
    public static Tensor Stretched(Tensor images, int size) => To(images, size, size, antialias: true, InterpolationMode.Bicubic);

    private static Tensor To(Tensor images, long height, long width, bool antialias, InterpolationMode mode)
    {
        using var scope = NewDisposeScope();
        var x = Pixels.From(images);
        if (x.shape[2] != height || x.shape[3] != width)
        {
            x = nn.functional.interpolate(x, [height, width], mode: mode, align_corners: false, antialias: antialias);
        }
        var mean = tensor(Mean, device: images.device).view(1, 3, 1, 1);
        var std = tensor(Std, device: images.device).view(1, 3, 1, 1);
        return ((x - mean) / std).MoveToOuterDisposeScope();
    }
}
