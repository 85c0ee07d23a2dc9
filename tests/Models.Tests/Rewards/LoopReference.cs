using AlignProp.Adapters;

namespace AlignProp.Models.Tests.Rewards;

/// <summary>
/// Transformers said once more, in loops over doubles and straight from a file's published keys: what the models are compared
/// with where no reference numbers exist. Rows are tokens.
/// </summary>
internal sealed class LoopReference : IDisposable
{
    private readonly SafetensorsFile _file;

    public LoopReference(string path) => _file = SafetensorsFile.Open(path);

    public void Dispose() => _file.Dispose();

    public double[] Values(string key) => Array.ConvertAll(_file.ReadSingles(key), v => (double)v);

    public double[][] Rows(string key)
    {
        var (values, width) = (Values(key), (int)_file.Tensors[key].Shape[^1]);
        return [.. values.Chunk(width)];
    }

    /// <summary>x W^T + b, without b where the file has none.</summary>
    public double[][] Linear(double[][] x, string key)
    {
        var weight = Rows($"{key}.weight");
        var bias = _file.Tensors.ContainsKey($"{key}.bias") ? Values($"{key}.bias") : new double[weight.Length];
        return [.. x.Select(row => weight.Select((w, o) => bias[o] + Dot(row, w)).ToArray())];
    }

    public double[][] LayerNorm(double[][] x, string key, double eps)
    {
        var (weight, bias) = (Values($"{key}.weight"), Values($"{key}.bias"));
        return [.. x.Select(row =>
        {
            var mean = row.Average();
            var deviation = Math.Sqrt(row.Average(v => (v - mean) * (v - mean)) + eps);
            return row.Select((v, i) => (v - mean) / deviation * weight[i] + bias[i]).ToArray();
        })];
    }

    /// <param name="sees">Whether a query sees a key.</param>
    public static double[][] Attention(double[][] q, double[][] k, double[][] v, int heads, Func<int, int, bool>? sees = null)
    {
        var width = q[0].Length / heads;
        var result = q.Select(_ => new double[q[0].Length]).ToArray();
        for (var head = 0; head < heads; head++)
        {
            for (var i = 0; i < q.Length; i++)
            {
                var seen = Enumerable.Range(0, k.Length).Where(j => sees?.Invoke(i, j) != false).ToList();
                var weights = seen.Select(j =>
                    Math.Exp(Enumerable.Range(head * width, width).Sum(c => q[i][c] * k[j][c]) / Math.Sqrt(width))).ToList();
                for (var c = head * width; c < (head + 1) * width; c++)
                {
                    result[i][c] = seen.Zip(weights, (j, w) => w * v[j][c]).Sum() / weights.Sum();
                }
            }
        }
        return result;
    }

    /// <summary>A convolution that is as wide as its stride, with a class token before and positions on top.</summary>
    /// <param name="pixels">[3, size, size], row by row.</param>
    /// <param name="key">Of the convolution.</param>
    public double[][] Patches(float[] pixels, int size, string key, double[] first, double[][] positions)
    {
        var (filters, bias) = (Values($"{key}.weight"), _file.Tensors.ContainsKey($"{key}.bias") ? Values($"{key}.bias") : null);
        var patch = (int)_file.Tensors[$"{key}.weight"].Shape[^1];
        var (width, side) = ((int)_file.Tensors[$"{key}.weight"].Shape[0], size / patch);
        var tokens = Enumerable.Range(0, side * side).Select(p => Enumerable.Range(0, width).Select(o =>
        {
            var sum = bias?[o] ?? 0;
            for (var i = 0; i < 3 * patch * patch; i++)
            {
                var (c, y, x) = (i / (patch * patch), i / patch % patch + p / side * patch, i % patch + p % side * patch);
                sum += filters[o * 3 * patch * patch + i] * pixels[(c * size + y) * size + x];
            }
            return sum;
        }).ToArray());
        return Add([.. tokens.Prepend(first)], positions);
    }

    public static double[][] Add(double[][] a, double[][] b) => [.. a.Zip(b, (x, y) => x.Zip(y, (u, v) => u + v).ToArray())];

    public static double[][] Map(double[][] x, Func<double, double> f) => [.. x.Select(row => Array.ConvertAll(row, v => f(v)))];

    public static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();

    public static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    public static double QuickGelu(double x) => x * Sigmoid(1.702 * x);

    public static double Gelu(double x) => x / 2 * (1 + Erf(x / Math.Sqrt(2)));

    /// <summary>The series of erf; enough terms for |x| below 5.</summary>
    private static double Erf(double x)
    {
        var (sum, term) = (x, x);
        for (var n = 1; n < 120; n++)
        {
            term *= -x * x / n;
            sum += term / (2 * n + 1);
        }
        return 2 / Math.Sqrt(Math.PI) * sum;
    }
}
