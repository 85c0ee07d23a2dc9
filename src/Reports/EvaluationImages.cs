using System.Globalization;
using AlignProp.Coordinator.Storage;
using SkiaSharp;

namespace AlignProp.Reports;

/// <summary>
/// The pictures of every evaluation, small, for the dashboard: pictures/evaluations/STEP/ with PNG files and index.json. Bounded:
/// of more evaluations than fit, the ones whose neighbours are nearest go, never the first nor the last.
/// </summary>
public static class EvaluationImages
{
    private const int MaxEvaluations = 32;
    private const int MaxPictures = 32;
    private const int MaxSide = 256;

    public static void Save(RunDirectory directory, int step, IReadOnlyList<SamplePicture> pictures)
    {
        if (pictures.Count == 0)
        {
            return;
        }
        PictureSet.Save(Folder(directory, step), [.. pictures.Take(MaxPictures).Select(s => s with { Png = Small(s.Png) })]);
        foreach (var old in Surplus(Steps(directory), MaxEvaluations))
        {
            Directory.Delete(Folder(directory, old), recursive: true);
        }
    }

    /// <summary>All kept evaluations, by step.</summary>
    public static IEnumerable<(int Step, IReadOnlyList<PictureSet.Entry> Pictures)> Sets(RunDirectory directory) =>
        Steps(directory).Select(step => (step, PictureSet.Index(Folder(directory, step)))).Where(s => s.Item2.Count > 0);

    /// <summary>Path of a kept picture, or null.</summary>
    public static string? File(RunDirectory directory, int step, int index)
    {
        var path = Path.Combine(Folder(directory, step), PictureSet.NameOf(index));
        return System.IO.File.Exists(path) ? Path.GetFullPath(path) : null;
    }

    /// <summary>Which steps go so that the rest is few and evenly spread.</summary>
    internal static IReadOnlyList<int> Surplus(IReadOnlyList<int> steps, int keep)
    {
        var (left, gone) = (steps.ToList(), new List<int>());
        while (left.Count > Math.Max(2, keep))
        {
            var least = Enumerable.Range(1, left.Count - 2).MinBy(i => left[i + 1] - left[i - 1]);
            gone.Add(left[least]);
            left.RemoveAt(least);
        }
        return gone;
    }

    private static string Folder(RunDirectory directory, int step) =>
        Path.Combine(directory.Evaluations, step.ToString("D6", CultureInfo.InvariantCulture));

    private static IReadOnlyList<int> Steps(RunDirectory directory) => !Directory.Exists(directory.Evaluations) ? []
        : [.. Directory.GetDirectories(directory.Evaluations).Select(Path.GetFileName)
            .Select(n => int.TryParse(n, NumberStyles.None, CultureInfo.InvariantCulture, out var step) ? step : -1)
                .Where(s => s >= 0).Order()];

    /// <summary>Large pictures are shown small: a run's folder is to stay in the tens of megabytes.</summary>
    private static byte[] Small(byte[] png)
    {
        using var bitmap = SKBitmap.Decode(png);
        if (bitmap is null || Math.Max(bitmap.Width, bitmap.Height) <= MaxSide)
        {
            return png;
        }
        var scale = (double)MaxSide / Math.Max(bitmap.Width, bitmap.Height);
        using var small = bitmap.Resize(new SKImageInfo((int)Math.Round(bitmap.Width * scale),
            (int)Math.Round(bitmap.Height * scale)), new SKSamplingOptions(SKCubicResampler.Mitchell));
        using var data = small.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }
}
