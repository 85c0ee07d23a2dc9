using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;

namespace AlignProp.Adapters;

/// <summary>
/// Whether every number of a tensor is finite, seen on its bytes: one that is not has an exponent of ones. A NaN that gets into a
/// model makes every picture black and every reward NaN, far from where it came from.
/// </summary>
public static class FiniteCheck
{
    /// <summary>Demands that a tensor of a file has no NaN and no infinity. Other than floating-point ones have none.</summary>
    /// <exception cref="WeightFileException">It has one; the message names the key and the first such element.</exception>
    public static void RequireFinite(this IWeightFile file, string name)
    {
        ArgumentNullException.ThrowIfNull(file);
        var info = file.Info(name);
        if (!IsFinite(info.DType, file.Bytes(name)))
        {
            throw new WeightFileException(file.Path, name, Describe(info, file.Bytes(name)));
        }
    }

    /// <summary>What <see cref="RequireFinite"/> would say of some tensors, each of which is let go again.</summary>
    internal static IEnumerable<WeightFileException> Problems(IWeightFile file, IEnumerable<TensorInfo> tensors)
    {
        foreach (var tensor in tensors)
        {
            var finite = IsFinite(tensor.DType, file.Bytes(tensor.Name));
            if (!finite)
            {
                yield return new WeightFileException(file.Path, tensor.Name, Describe(tensor, file.Bytes(tensor.Name)));
            }

            file.Release(tensor.Name);
        }
    }

    internal static bool IsFinite(DType dtype, ReadOnlySpan<byte> bytes) => dtype switch
    {
        DType.F64 => NoneHas<ulong>(MemoryMarshal.Cast<byte, ulong>(bytes), 0x7ff0_0000_0000_0000),
        DType.F32 => NoneHas<uint>(MemoryMarshal.Cast<byte, uint>(bytes), 0x7f80_0000),
        DType.F16 => NoneHas<ushort>(MemoryMarshal.Cast<byte, ushort>(bytes), 0x7c00),
        DType.BF16 => NoneHas<ushort>(MemoryMarshal.Cast<byte, ushort>(bytes), 0x7f80),
        DType.F8E5M2 => NoneHas<byte>(bytes, 0x7c),
        DType.F8E4M3 => NoneHas<byte>(bytes, 0x7f),
        _ => true,
    };

    private static bool NoneHas<T>(ReadOnlySpan<T> values, T exponent) where T : unmanaged, IBinaryInteger<T>
    {
        var mask = new Vector<T>(exponent);
        var vectors = MemoryMarshal.Cast<T, Vector<T>>(values);
        foreach (var vector in vectors)
        {
            if (Vector.EqualsAny(vector & mask, mask))
            {
                return false;
            }
        }

        foreach (var value in values[(vectors.Length * Vector<T>.Count)..])
        {
            if ((value & exponent) == exponent)
            {
                return false;
            }
        }

        return true;
    }

    private static string Describe(TensorInfo tensor, ReadOnlySpan<byte> bytes)
    {
        var size = tensor.DType.Size();
        var (first, count) = (-1L, 0L);
        for (var i = 0; i < bytes.Length / size; i++)
        {
            if (!IsFinite(tensor.DType, bytes.Slice(i * size, size)))
            {
                (first, count) = (first < 0 ? i : first, count + 1);
            }
        }

        _ = SingleConverter.TryConvert(tensor.DType, bytes.Slice((int)first * size, size), out var value);
        var what = float.IsNaN(value![0]) ? "NaN" : "an infinity";
        return string.Create(CultureInfo.InvariantCulture,
            $"holds {what} at [{string.Join(", ", Index(first, tensor.Shape))}] ({count} of {tensor.Count} values are not "
            + $"finite); expected finite numbers");
    }

    private static IEnumerable<long> Index(long element, long[] shape)
    {
        var stride = shape.Aggregate(1L, (x, y) => x * y);
        foreach (var size in shape)
        {
            stride /= size;
            yield return element / stride;
            element %= stride;
        }
    }
}
