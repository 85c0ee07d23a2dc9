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
        var rgb = ((image.clamp(-1, 1) + 1) * 127.5f).round().permute(1, 2, 0).contiguous().data<float>().ToArray();
        var bitmap = new SKBitmap(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque);
        for (var i = 0; i < width * height; i++)
        {
            bitmap.SetPixel(i % width, i / width, new SKColor((byte)rgb[3 * i], (byte)rgb[3 * i + 1], (byte)rgb[3 * i + 2]));
        }
        return bitmap;
    }
}
