using System.Runtime.InteropServices;

namespace AlignProp.Adapters;

/// <summary>One tensor to be written.</summary>
/// <param name="Name">Key in the file, unique and not <c>__metadata__</c>.</param>
/// <param name="DType">Element type.</param>
/// <param name="Shape">Sizes, outermost first; empty for a scalar.</param>
/// <param name="Bytes">
/// Row-major little-endian elements; the length must be the product of the shape times the element size.
/// </param>
public sealed record TensorData(string Name, DType DType, long[] Shape, ReadOnlyMemory<byte> Bytes)
{
    /// <summary>An <see cref="DType.F32"/> tensor holding a copy of <paramref name="values"/>.</summary>
    public static TensorData FromSingles(string name, long[] shape, ReadOnlySpan<float> values) =>
        new(name, DType.F32, shape, MemoryMarshal.AsBytes(values).ToArray());
}
