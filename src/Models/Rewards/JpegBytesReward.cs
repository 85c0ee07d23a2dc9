using System.Runtime.InteropServices;
using SkiaSharp;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Rewards;

/// <summary>
/// The size in kilobytes of the JPEG that a real encoder (libjpeg-turbo, in Skia) writes of a picture: the black-box reward of
/// DDPO's compressibility task. It has no gradient.
/// </summary>
/// <param name="quality">1 to 100.</param>
public sealed class JpegBytesReward(int quality) : IReward
{
    public Tensor Score(Tensor images, IReadOnlyList<string> prompts)
    {
        using var scope = NewDisposeScope();
        var bytes = (Pixels.From(images.detach()) * 255).round().to(ScalarType.Byte).permute(0, 2, 3, 1).contiguous().cpu();
        var sizes = Enumerable.Range(0, (int)images.shape[0])
            .Select(i => Encode(bytes[i].contiguous().bytes.ToArray(), (int)images.shape[2], (int)images.shape[3]) / 1024f);
        return tensor([.. sizes], device: images.device).MoveToOuterDisposeScope();
    }

    public Tensor Features(Tensor images) => Thumbnail.Features(images);

    public void Dispose()
    {
    }

    /// <param name="rgb">[H, W, 3].</param>
    private long Encode(byte[] rgb, int height, int width)
    {
        using var bitmap = new SKBitmap(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque);
        var rgba = new byte[width * height * 4];
        for (var i = 0; i < width * height; i++)
        {
            rgb.AsSpan(i * 3, 3).CopyTo(rgba.AsSpan(i * 4));
            rgba[i * 4 + 3] = byte.MaxValue;
        }
        // Opaque pictures have rows without gaps.
        Marshal.Copy(rgba, 0, bitmap.GetPixels(), rgba.Length);
        using var jpeg = bitmap.Encode(SKEncodedImageFormat.Jpeg, quality);
        return jpeg.Size;
    }
}
