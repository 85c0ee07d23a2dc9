using AlignProp.Pretraining.Codec;
using static TorchSharp.torch;

namespace AlignProp.Pretraining.Commands;

/// <summary>
/// <c>codec-fit [--sheets docs/pictures]</c>: fits the five factors of the codec model to SkiaSharp's JPEG encoder on one half of
/// the pictures, and
/// says how well the factors in the source agree on the other half. <c>codec-fit --pictures FOLDER</c>: real and estimated size
/// of a folder's PNG files.
/// </summary>
public static class CodecFitCommand
{
    /// <summary>Runs the command.</summary>
    public static Task<int> RunAsync(IReadOnlyList<string> arguments)
    {
        var options = new CommandOptions(arguments, "sheets", "pictures", "quality");
        using var scope = NewDisposeScope();
        if (options.Get("pictures", "") is { Length: > 0 } folder)
        {
            var quality = options.Get("quality", 90);
            var sizes = CodecFit.Sizes(CodecPictures.LoadFolder(folder), quality);
            Console.WriteLine(
                $"{folder}: {sizes.Count} pictures at quality {quality}: real {sizes.Average(s => s.Real):F0} bytes on average, "
                + $"estimated {sizes.Average(s => s.Estimate):F0}");
            return Task.FromResult(0);
        }
        var sheets = options.Get("sheets", "docs/pictures");
        Console.WriteLine(
            $"fitted factors: {string.Join(", ", CodecFit.Fit(CodecPictures.Make(sheets, 0)).Select(f => f.ToString("F2")))}");
        Console.WriteLine("| pictures | quality | count | median error | largest | correlation |\n|---|---|---|---|---|---|");
        foreach (var a in CodecFit.Check(CodecPictures.Make(sheets, 1)))
        {
            Console.WriteLine(
                $"| {a.Kind} | {a.Quality} | {a.Pictures} | {100 * a.MedianError:F1} % | {100 * a.LargestError:F0} % | "
                + $"{a.Correlation:F3} |");
        }
        return Task.FromResult(0);
    }
}
