namespace AlignProp.Adapters;

/// <summary>Element types of the safetensors format.</summary>
public enum DType
{
    F64,
    F32,
    F16,
    BF16,
    I64,
    I32,
    I16,
    I8,
    U8,
    Bool,
}

/// <summary>Names and sizes of <see cref="DType"/>.</summary>
public static class DTypes
{
    /// <summary>Bytes of one element.</summary>
    public static int Size(this DType dtype) => dtype switch
    {
        DType.F64 or DType.I64 => 8,
        DType.F32 or DType.I32 => 4,
        DType.F16 or DType.BF16 or DType.I16 => 2,
        _ => 1,
    };

    /// <summary>The name in a safetensors header, e.g. <c>F32</c>, <c>BOOL</c>.</summary>
    public static string HeaderName(this DType dtype) => dtype == DType.Bool ? "BOOL" : dtype.ToString();

    /// <summary>The type of a header name, or null.</summary>
    public static DType? Parse(string name) =>
        name == "BOOL" ? DType.Bool : name != "Bool" && Enum.TryParse<DType>(name, out var dtype) ? dtype : null;
}

/// <param name="Offset">From the start of the data section, in bytes.</param>
public sealed record TensorInfo(string Name, DType DType, long[] Shape, long Offset, long ByteCount);

/// <summary>One tensor to be written: row-major, little endian.</summary>
public sealed record TensorData(string Name, DType DType, long[] Shape, ReadOnlyMemory<byte> Bytes);

/// <summary>A safetensors file or buffer that is not what its header says. The message names the file and the key.</summary>
public sealed class SafetensorsException : Exception
{
    public SafetensorsException(string message) : base(message) { }

    public SafetensorsException(string message, Exception inner) : base(message, inner) { }
}
