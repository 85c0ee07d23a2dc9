using System.Runtime.InteropServices;

namespace AlignProp.Adapters;

/// <summary>What the writers of foreign formats share.</summary>
internal static class LoraExport
{
    /// <summary>fp32 values in the file's precision, rounded to nearest even.</summary>
    /// <exception cref="ArgumentException">Not a floating-point type of at most 32 bits.</exception>
    /// <exception cref="NonFiniteException">A value does not fit the precision, or was not finite.</exception>
    internal static TensorData Tensor(string key, ReadOnlySpan<int> shape, ReadOnlySpan<float> values, DType dtype)
    {
        var bytes = dtype switch
        {
            DType.F32 => MemoryMarshal.AsBytes(values).ToArray(),
            DType.F16 => Convert(values, static x => BitConverter.HalfToUInt16Bits((Half)x)),
            DType.BF16 => Convert(values, ToBFloat16),
            _ => throw new ArgumentException($"adapters are written as F32, F16 or BF16, not {dtype}", nameof(dtype)),
        };
        if (!(dtype == DType.F32 ? Elementwise.IsFinite(values) : SingleConverter.TryConvert(dtype, bytes, out var written)
            && Elementwise.IsFinite(written)))
        {
            throw new NonFiniteException($"export as {dtype}", key);
        }

        long[] sizes = new long[shape.Length];
        for (var i = 0; i < sizes.Length; i++)
        {
            sizes[i] = shape[i];
        }

        return new TensorData(key, dtype, sizes, bytes);
    }

    private static byte[] Convert(ReadOnlySpan<float> values, Func<float, ushort> convert)
    {
        var converted = new ushort[values.Length];
        for (var i = 0; i < converted.Length; i++)
        {
            converted[i] = convert(values[i]);
        }

        return MemoryMarshal.AsBytes<ushort>(converted).ToArray();
    }

    private static ushort ToBFloat16(float x)
    {
        var bits = BitConverter.SingleToUInt32Bits(x);
        return float.IsNaN(x) ? (ushort)0x7fc0 : (ushort)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
    }
}
