using AlignProp.Adapters;
using SkiaSharp;

namespace AlignProp.Reports;

/// <param name="Png">The picture.</param>
/// <param name="Caption">Below it; may be empty.</param>
public sealed record SheetCell(byte[] Png, string Caption);

/// <param name="Title">Left of the row's pictures, above them; may be empty.</param>
public sealed record SheetRow(string Title, IReadOnlyList<SheetCell> Cells);

/// <summary>Pictures in rows, each with a title, each picture with a caption, as one PNG.</summary>
public static class PictureSheet
{
    private const int Least = 256;
    private const int Gap = 8;
    private const int Line = 20;

    /// <summary>Writes a PNG; temporary file, then rename.</summary>
    /// <param name="captions">Without them only the pictures, edge to edge.</param>
    public static void Write(string path, IReadOnlyList<SheetRow> rows, bool captions = true)
    {
        using var first = SKBitmap.Decode(rows[0].Cells[0].Png);
        // Small models' pictures are enlarged without smoothing, so that one sees what was made.
        var zoom = Math.Max(1, Least / first.Width);
        var (width, height) = (first.Width * zoom, first.Height * zoom);
        var (gap, line) = captions ? (Gap, Line) : (0, 0);
        var columns = rows.Max(r => r.Cells.Count);
        var rowHeight = height + 2 * line + gap;
        using var surface = SKSurface.Create(new SKImageInfo(columns * (width + gap) + gap, rows.Count * rowHeight + gap,
            SKColorType.Rgba8888, SKAlphaType.Opaque));
        surface.Canvas.Clear(SKColors.White);
        for (var r = 0; r < rows.Count; r++)
        {
            var top = gap + r * rowHeight;
            if (captions)
            {
                ReportFont.Text(surface.Canvas, rows[r].Title, gap, top + 15, 15, new SKColor(0x22, 0x26, 0x2c),
                    columns * (width + gap) - gap);
            }
            for (var c = 0; c < rows[r].Cells.Count; c++)
            {
                var left = gap + c * (width + gap);
                using var image = SKImage.FromEncodedData(rows[r].Cells[c].Png);
                surface.Canvas.DrawImage(image, SKRect.Create(left, top + line, width, height),
                    new SKSamplingOptions(SKFilterMode.Nearest));
                if (captions)
                {
                    ReportFont.Text(surface.Canvas, rows[r].Cells[c].Caption, left, top + line + height + 15, 13,
                        new SKColor(0x6b, 0x72, 0x7d), width);
                }
            }
        }
        using var snapshot = surface.Snapshot();
        using var png = snapshot.Encode(SKEncodedImageFormat.Png, 100);
        DurableFile.Replace(path, png.SaveTo);
    }
}
