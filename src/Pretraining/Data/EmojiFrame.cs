namespace AlignProp.Pretraining.Data;

/// <summary>Brings pictures of all families to one frame: crop to what is visible, fit, centre, average down.</summary>
public static class EmojiFrame
{
    private const double Fill = 118.0 / 128.0;
    private const byte VisibleAlpha = 12;

    /// <summary>The picture, cropped to its alpha box and fitted to a square of <paramref name="size"/> pixels.</summary>
    public static byte[] Fit(RgbaImage image, int size)
    {
        ArgumentNullException.ThrowIfNull(image);
        var (left, top, right, bottom) = VisibleBox(image);
        var perPixel = Math.Max(right - left, bottom - top) / (Fill * size);
        var originX = ((left + right) / 2.0) - (perPixel * size / 2);
        var originY = ((top + bottom) / 2.0) - (perPixel * size / 2);

        var target = new byte[size * size * EmojiDataset.Channels];
        for (var y = 0; y < size; y++)
        {
            for (var x = 0; x < size; x++)
            {
                Average(
                    image,
                    originX + (x * perPixel),
                    originY + (y * perPixel),
                    perPixel,
                    target.AsSpan(((y * size) + x) * EmojiDataset.Channels, EmojiDataset.Channels));
            }
        }

        return target;
    }

    private static void Average(RgbaImage image, double x0, double y0, double side, Span<byte> pixel)
    {
        Span<double> sum = stackalloc double[EmojiDataset.Channels];
        sum.Clear();
        for (var y = Math.Max(0, (int)Math.Floor(y0)); y < Math.Min(image.Height, y0 + side); y++)
        {
            var rows = Math.Min(y + 1, y0 + side) - Math.Max(y, y0);
            for (var x = Math.Max(0, (int)Math.Floor(x0)); x < Math.Min(image.Width, x0 + side); x++)
            {
                var covered = rows * (Math.Min(x + 1, x0 + side) - Math.Max(x, x0));
                var source = ((y * image.Width) + x) * EmojiDataset.Channels;
                for (var c = 0; c < EmojiDataset.Channels; c++)
                {
                    sum[c] += covered * image.Pixels[source + c];
                }
            }
        }

        for (var c = 0; c < EmojiDataset.Channels; c++)
        {
            pixel[c] = (byte)Math.Clamp(Math.Round(sum[c] / (side * side)), 0, 255);
        }
    }

    private static (int Left, int Top, int Right, int Bottom) VisibleBox(RgbaImage image)
    {
        var (left, top, right, bottom) = (image.Width, image.Height, 0, 0);
        for (var y = 0; y < image.Height; y++)
        {
            for (var x = 0; x < image.Width; x++)
            {
                if (image.Pixels[(((y * image.Width) + x) * EmojiDataset.Channels) + 3] >= VisibleAlpha)
                {
                    (left, right) = (Math.Min(left, x), Math.Max(right, x + 1));
                    (top, bottom) = (Math.Min(top, y), Math.Max(bottom, y + 1));
                }
            }
        }

        return right > left ? (left, top, right, bottom) : throw new InvalidDataException("The picture is empty.");
    }
}
