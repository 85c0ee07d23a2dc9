using SkiaSharp;

namespace AlignProp.Coordinator.Runs;

/// <summary>RGB bytes to PNG.</summary>
public static class Png
{
    /// <param name="rgb">[height, width, 3].</param>
    public static byte[] Encode(byte[] rgb, int width, int height)
    {
        using var bitmap = new SKBitmap(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque);
        for (var i = 0; i < width * height; i++)
        {
            bitmap.SetPixel(i % width, i / width, new SKColor(rgb[3 * i], rgb[3 * i + 1], rgb[3 * i + 2]));
        }
        using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }
}
