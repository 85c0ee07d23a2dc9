using SkiaSharp;

namespace AlignProp.Pretraining.Data;

/// <summary>Draws a whole dataset on one picture, to be looked at: a row of styles for every emoji, at twice the size.</summary>
public static class ContactSheet
{
    private const int Columns = 4;
    private const int LabelWidth = 110;

    /// <summary>Writes the sheet as PNG.</summary>
    public static void Save(EmojiDataset dataset, string path)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        var rows = Rows(dataset);
        var cell = (dataset.Size * 2) + 2;
        var blockWidth = LabelWidth + (dataset.Styles.Count * cell);
        var height = (rows.Count + Columns - 1) / Columns;
        using var surface = SKSurface.Create(new SKImageInfo(Columns * blockWidth, height * cell));
        using var font = new SKFont(SKTypeface.Default, 13);
        using var ink = new SKPaint { Color = SKColors.Black };
        surface.Canvas.Clear(SKColors.White);
        for (var row = 0; row < rows.Count; row++)
        {
            var (left, top) = (row / height * blockWidth, row % height * cell);
            var name = dataset.Concepts[dataset.ConceptIndex[rows[row][0]]].Name;
            surface.Canvas.DrawText(name, left + 4, top + (cell / 2), font, ink);
            foreach (var image in rows[row])
            {
                using var picture = Picture(dataset, image);
                var x = left + LabelWidth + (dataset.StyleIndex[image] * cell);
                surface.Canvas.DrawImage(picture, SKRect.Create(x, top, dataset.Size * 2, dataset.Size * 2));
            }
        }

        using var snapshot = surface.Snapshot();
        using var png = snapshot.Encode(SKEncodedImageFormat.Png, 100);
        File.WriteAllBytes(path, png.ToArray());
    }

    private static List<List<int>> Rows(EmojiDataset dataset)
    {
        var rows = new List<List<int>>();
        for (var image = 0; image < dataset.Count; image++)
        {
            var last = rows.LastOrDefault();
            var sameRow = last is not null
                && dataset.ConceptIndex[last[0]] == dataset.ConceptIndex[image]
                && dataset.StyleIndex[last[^1]] < dataset.StyleIndex[image];
            if (sameRow)
            {
                last!.Add(image);
            }
            else
            {
                rows.Add([image]);
            }
        }

        return rows;
    }

    private static SKImage Picture(EmojiDataset dataset, int image) => SKImage.FromPixelCopy(
        new SKImageInfo(dataset.Size, dataset.Size, SKColorType.Rgba8888, SKAlphaType.Premul),
        dataset.Image(image));
}
