namespace AlignProp.Adapters;

/// <summary>
/// Element types of a safetensors file that this project reads and writes. Names equal those in the file's header.
/// </summary>
public enum DType
{
    /// <summary>IEEE 754, 8 bytes.</summary>
    F64,

    /// <summary>IEEE 754, 4 bytes.</summary>
    F32,

    /// <summary>IEEE 754, 2 bytes (5 bits of exponent).</summary>
    F16,

    /// <summary>The upper half of an <see cref="F32"/>, 2 bytes.</summary>
    BF16,

    /// <summary>1 byte, 4 bits of exponent, no infinity (<c>F8_E4M3</c> in the header; torch's float8_e4m3fn).</summary>
    F8E4M3,

    /// <summary>1 byte, the upper half of an <see cref="F16"/> (<c>F8_E5M2</c> in the header).</summary>
    F8E5M2,

    /// <summary>Signed, 8 bytes.</summary>
    I64,

    /// <summary>Signed, 4 bytes.</summary>
    I32,

    /// <summary>Signed, 2 bytes.</summary>
    I16,

    /// <summary>Signed, 1 byte.</summary>
    I8,

    /// <summary>Unsigned, 1 byte.</summary>
    U8,

    /// <summary>One byte, 0 or 1 (<c>BOOL</c> in the header).</summary>
    Bool,
}

/// <summary>Sizes and header spellings of <see cref="DType"/>.</summary>
public static class DTypes
{
    /// <summary>Bytes of one element.</summary>
    public static int Size(this DType dtype) => dtype switch
    {
        DType.F64 or DType.I64 => 8,
        DType.F32 or DType.I32 => 4,
        DType.F16 or DType.BF16 or DType.I16 => 2,
        DType.I8 or DType.U8 or DType.Bool or DType.F8E4M3 or DType.F8E5M2 => 1,
        _ => throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "not a dtype"),
    };

    /// <summary>The spelling in a safetensors header: <c>F32</c>, <c>BOOL</c>.</summary>
    public static string HeaderName(this DType dtype) => dtype switch
    {
        DType.Bool => "BOOL",
        DType.F8E4M3 => "F8_E4M3",
        DType.F8E5M2 => "F8_E5M2",
        _ => dtype.ToString(),
    };

    /// <summary>Whether its numbers have an exponent.</summary>
    public static bool IsFloatingPoint(this DType dtype) =>
        dtype is DType.F64 or DType.F32 or DType.F16 or DType.BF16 or DType.F8E4M3 or DType.F8E5M2;

    internal static bool TryParse(string? headerName, out DType dtype)
    {
        foreach (var candidate in Enum.GetValues<DType>())
        {
            if (candidate.HeaderName() == headerName)
            {
                dtype = candidate;
                return true;
            }
        }

        dtype = default;
        return false;
    }
}
