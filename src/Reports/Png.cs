using AlignProp.Coordinator.Runs;
using SkiaSharp;

namespace AlignProp.Reports;

/// <summary>RGB bytes to PNG.</summary>
public static class Png
{
    public static byte[] Encode(RgbImage image)
    {
        var (rgb, width, height) = image;
        using var bitmap = new SKBitmap(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque);
        for (var i = 0; i < width * height; i++)
        {
            bitmap.SetPixel(i % width, i / width, new SKColor(rgb[3 * i], rgb[3 * i + 1], rgb[3 * i + 2]));
        }
        using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }
}
