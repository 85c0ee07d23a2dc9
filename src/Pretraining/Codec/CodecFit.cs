using AlignProp.Models.Rewards;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Pretraining.Codec;

/// <summary>How well the codec model's estimate agrees with a real encoder.</summary>
/// <param name="MedianError">Median of |estimate - bytes| / bytes.</param>
/// <param name="Correlation">Pearson's, of the logarithms.</param>
public sealed record CodecAgreement(string Kind, int Quality, int Pictures, double MedianError, double LargestError,
    double Correlation);

/// <summary>The factors of <see cref="JpegCodec"/>: least squares of relative errors against real files.</summary>
public static class CodecFit
{
    public static IReadOnlyList<int> Qualities { get; } = [50, 75, 90, 95];

    /// <summary>Factors of the codec's features, in bits.</summary>
    public static double[] Fit(IReadOnlyList<(string Kind, Tensor Image)> pictures)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var rows = new List<Tensor>();
        foreach (var quality in Qualities)
        {
            using var codec = new JpegCodec(quality);
            foreach (var (_, image) in pictures)
            {
                var bits = 8.0 * RealJpeg.Bytes(image[0], quality);
                rows.Add(codec.Features(image)[0].to(ScalarType.Float64) / bits);
            }
        }
        var a = stack(rows, 0);
        return a.t().mm(a).inverse().mm(a.t()).sum([1]).data<double>().ToArray();
    }

    /// <summary>The agreement of the codec as it is, by kind of picture and quality.</summary>
    public static IReadOnlyList<CodecAgreement> Check(IReadOnlyList<(string Kind, Tensor Image)> pictures)
    {
        var agreements = new List<CodecAgreement>();
        foreach (var quality in Qualities)
        {
            foreach (var kind in pictures.GroupBy(p => p.Kind))
            {
                var pairs = Sizes([.. kind.Select(p => p.Image)], quality);
                var errors = pairs.Select(p => Math.Abs(p.Estimate - p.Real) / p.Real).Order().ToList();
                agreements.Add(new CodecAgreement(kind.Key, quality, pairs.Count, errors[errors.Count / 2], errors[^1],
                    Correlation(pairs.Select(p => (Math.Log(p.Estimate), Math.Log(p.Real))).ToList())));
            }
        }
        return agreements;
    }

    /// <summary>Bytes of each picture as the codec model estimates them, and as a real encoder writes them.</summary>
    public static IReadOnlyList<(double Estimate, double Real)> Sizes(IReadOnlyList<Tensor> pictures, int quality)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using var codec = new JpegCodec(quality);
        return [.. pictures.Select(p => ((double)codec.Bytes(p).item<float>(), (double)RealJpeg.Bytes(p[0], quality)))];
    }

    private static double Correlation(IReadOnlyList<(double X, double Y)> pairs)
    {
        var (mx, my) = (pairs.Average(p => p.X), pairs.Average(p => p.Y));
        return pairs.Sum(p =>
            (p.X - mx) * (p.Y - my)) / Math.Sqrt(pairs.Sum(p => Math.Pow(p.X - mx, 2)) * pairs.Sum(p => Math.Pow(p.Y - my, 2)));
    }
}
