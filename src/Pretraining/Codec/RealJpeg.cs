using System.Runtime.InteropServices;
using SkiaSharp;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Pretraining.Codec;

/// <summary>SkiaSharp's encoder (libjpeg-turbo, 4:2:0, Huffman tables of the picture's own).</summary>
public static class RealJpeg
{
    /// <param name="image">[3, H, W] in [-1, 1].</param>
    /// <param name="quality">1 to 100.</param>
    /// <returns>Bytes of the file.</returns>
    public static long Bytes(Tensor image, int quality)
    {
        using var bitmap = Bitmap(image);
        using var jpeg = bitmap.Encode(SKEncodedImageFormat.Jpeg, quality);
        return jpeg.Size;
    }

    private static SKBitmap Bitmap(Tensor image)
    {
        using var scope = NewDisposeScope();
        var (height, width) = ((int)image.shape[1], (int)image.shape[2]);
        var rgb = ((image.clamp(-1, 1) + 1) * 127.5f).round();
        var rgba = cat([rgb, full([1, height, width], 255f)], 0).permute(1, 2, 0).contiguous().to(ScalarType.Byte);
        var bitmap = new SKBitmap(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque);
        Marshal.Copy(rgba.data<byte>().ToArray(), 0, bitmap.GetPixels(), 4 * width * height);
        return bitmap;
    }
}
