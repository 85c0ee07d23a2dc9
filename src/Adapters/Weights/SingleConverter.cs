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
            default:
                values = null;
                return false;
        }
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
