using System.Numerics;
using System.Runtime.InteropServices;

namespace AlignProp.Adapters;

/// <summary>
/// Vectorised fp32 loops. Every element is computed by itself with separately rounded operations (no fused multiply-add), so that
/// the results are bitwise the same whatever the width of the machine's vectors.
/// </summary>
internal static class Elementwise
{
    /// <summary>sum += weight * x.</summary>
    internal static void AddScaled(Span<float> sum, ReadOnlySpan<float> x, float weight)
    {
        var sums = MemoryMarshal.Cast<float, Vector<float>>(sum);
        var xs = MemoryMarshal.Cast<float, Vector<float>>(x);
        var weights = new Vector<float>(weight);
        for (var i = 0; i < sums.Length; i++)
        {
            sums[i] += weights * xs[i];
        }

        for (var i = sums.Length * Vector<float>.Count; i < sum.Length; i++)
        {
            sum[i] += weight * x[i];
        }
    }

    /// <summary>A new array of factor * x.</summary>
    internal static float[] Scale(ReadOnlySpan<float> x, float factor)
    {
        var scaled = new float[x.Length];
        var targets = MemoryMarshal.Cast<float, Vector<float>>(scaled.AsSpan());
        var xs = MemoryMarshal.Cast<float, Vector<float>>(x);
        var factors = new Vector<float>(factor);
        for (var i = 0; i < targets.Length; i++)
        {
            targets[i] = factors * xs[i];
        }

        for (var i = targets.Length * Vector<float>.Count; i < scaled.Length; i++)
        {
            scaled[i] = factor * x[i];
        }

        return scaled;
    }

    /// <summary>Whether no value is NaN or infinite: only then is x - x zero.</summary>
    internal static bool IsFinite(ReadOnlySpan<float> x)
    {
        var xs = MemoryMarshal.Cast<float, Vector<float>>(x);
        foreach (var v in xs)
        {
            if (!Vector.EqualsAll(v - v, Vector<float>.Zero))
            {
                return false;
            }
        }

        for (var i = xs.Length * Vector<float>.Count; i < x.Length; i++)
        {
            if (!float.IsFinite(x[i]))
            {
                return false;
            }
        }

        return true;
    }
}
