using static TorchSharp.torch;

namespace AlignProp.GpuNode.Compute;

/// <summary>Decoded images as bytes.</summary>
public static class ImageBytes
{
    /// <param name="image">[1, 3, H, W], about [-1, 1].</param>
    /// <returns>RGB, [H, W, 3].</returns>
    public static byte[] Rgb(Tensor image)
    {
        using var scope = NewDisposeScope();
        return ((image[0] / 2 + 0.5f).clamp(0, 1) * 255).round().to(ScalarType.Byte).permute(1, 2, 0).contiguous().cpu()
            .bytes.ToArray();
    }
}
