using AlignProp.Adapters;
using SkiaSharp;

namespace AlignProp.Reports;

/// <summary>One prompt's pictures before and after, from the same seed.</summary>
public sealed record GridPair(string Prompt, bool HeldOut, double RewardBefore, double RewardAfter, byte[] PngBefore,
    byte[] PngAfter);

/// <summary>The before/after sheet: pairs side by side, captioned with prompt and rewards.</summary>
public static class ImageGrid
{
    private const int Tile = 160;
    private const int Gap = 6;
    private const int PairGap = 28;
    private const int Caption = 46;
    private const int Header = 64;
    private const int PairsPerRow = 4;
    private const int Margin = 28;
    private const int LeastWidth = 2 * Margin + 2 * (2 * Tile + Gap) + PairGap;
    private const string HeldOutMark = "held out";

    private static readonly SKColor Ink = new(0x22, 0x26, 0x2c);
    private static readonly SKColor Quiet = new(0x6b, 0x72, 0x7d);
    private static readonly SKColor Up = new(0x1a, 0x7f, 0x4b);
    private static readonly SKColor Mark = new(0x2f, 0x5f, 0xa8);
    private static readonly SKColor Down = new(0xb4, 0x3a, 0x32);

    /// <summary>Writes a PNG; temporary file, then rename.</summary>
    public static void Write(string path, string title, string subtitle, IReadOnlyList<GridPair> pairs)
    {
        var columns = Math.Min(PairsPerRow, Math.Max(1, pairs.Count));
        var rows = (pairs.Count + columns - 1) / columns;
        var pairWidth = 2 * Tile + Gap;
        var width = Math.Max(LeastWidth, 2 * Margin + columns * pairWidth + (columns - 1) * PairGap);
        var height = Margin + Header + rows * (Tile + Caption + PairGap);
        using var surface = SKSurface.Create(new SKImageInfo(width, height));
        var canvas = surface.Canvas;
        canvas.Clear(SKColors.White);
        ReportFont.Text(canvas, title, Margin, Margin + 18, 22, Ink, width - 2 * Margin);
        ReportFont.Text(canvas, subtitle, Margin, Margin + 42, 13, Quiet, width - 2 * Margin);
        for (var i = 0; i < pairs.Count; i++)
        {
            Pair(canvas, pairs[i], Margin + i % columns * (pairWidth + PairGap),
                Margin + Header + i / columns * (Tile + Caption + PairGap));
        }
        using var image = surface.Snapshot();
        using var png = image.Encode(SKEncodedImageFormat.Png, 100);
        DurableFile.Replace(path, png.SaveTo);
    }

    private static void Pair(SKCanvas canvas, GridPair pair, float x, float y)
    {
        Picture(canvas, pair.PngBefore, x, y);
        Picture(canvas, pair.PngAfter, x + Tile + Gap, y);
        var room = 2f * Tile + Gap;
        if (pair.HeldOut)
        {
            // Its own place on the right: a long prompt is cut, never the mark.
            var mark = Width(HeldOutMark, 12);
            ReportFont.Text(canvas, HeldOutMark, x + room - mark, y + Tile + 18, 12, Mark, mark);
            room -= mark + 2 * Gap;
        }
        ReportFont.Text(canvas, pair.Prompt, x, y + Tile + 18, 14, Ink, room);
        ReportFont.Text(canvas, $"before {pair.RewardBefore:F2}", x, y + Tile + 36, 13, Quiet, Tile);
        ReportFont.Text(canvas, $"after {pair.RewardAfter:F2}", x + Tile + Gap, y + Tile + 36, 13,
            pair.RewardAfter >= pair.RewardBefore ? Up : Down, Tile);
    }

    private static void Picture(SKCanvas canvas, byte[] png, float x, float y)
    {
        using var image = SKImage.FromEncodedData(png);
        var place = SKRect.Create(x, y, Tile, Tile);
        // Whole pixels stay square up to a fifth of the tile; larger pictures are smoothed.
        var sampling = image.Width * 5 <= Tile ? new SKSamplingOptions(SKFilterMode.Nearest)
            : new SKSamplingOptions(SKCubicResampler.Mitchell);
        canvas.DrawImage(image, place, sampling);
        using var frame = new SKPaint { Style = SKPaintStyle.Stroke, Color = new SKColor(0xdd, 0xe0, 0xe5), StrokeWidth = 1 };
        canvas.DrawRect(place, frame);
    }

    private static float Width(string text, float size)
    {
        using var font = new SKFont(ReportFont.Typeface, size);
        return font.MeasureText(text);
    }
}
