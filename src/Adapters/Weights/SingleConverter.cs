using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace AlignProp.Adapters;

/// <summary>Little-endian floating-point bytes to fp32.</summary>
internal static class SingleConverter
{
    internal static bool TryConvert(DType dtype, ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out float[]? values)
    {
        switch (dtype)
        {
            case DType.F32:
                values = MemoryMarshal.Cast<byte, float>(bytes).ToArray();
                return true;
            case DType.F64:
                values = Map(MemoryMarshal.Cast<byte, double>(bytes), static x => (float)x);
                return true;
            case DType.F16:
                values = Map(MemoryMarshal.Cast<byte, Half>(bytes), static x => (float)x);
                return true;
            case DType.BF16:
                values = Map(MemoryMarshal.Cast<byte, ushort>(bytes), static x => BitConverter.UInt32BitsToSingle((uint)x << 16));
                return true;
            case DType.F8E5M2:
                values = Map(bytes, static x => (float)BitConverter.UInt16BitsToHalf((ushort)(x << 8)));
                return true;
            case DType.F8E4M3:
                values = Map(bytes, FromE4M3);
                return true;
            default:
                values = null;
                return false;
        }
    }

    /// <summary>Sign, 4 bits of exponent (bias 7), 3 of mantissa; all ones is NaN and nothing is infinite.</summary>
    private static float FromE4M3(byte bits)
    {
        var (exponent, mantissa) = ((bits >> 3) & 0xf, bits & 0x7);
        var size = (bits & 0x7f) == 0x7f ? float.NaN
            : exponent == 0 ? MathF.ScaleB(mantissa, -9) : MathF.ScaleB(8 + mantissa, exponent - 10);
        return bits < 0x80 ? size : -size;
    }

    private static float[] Map<T>(ReadOnlySpan<T> source, Func<T, float> convert)
    {
        var values = new float[source.Length];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = convert(source[i]);
        }

        return values;
    }
}
