namespace AlignProp.Adapters;

/// <summary>Where one tensor of a file lies.</summary>
/// <param name="Name">Key of the tensor in the file.</param>
/// <param name="DType">Element type.</param>
/// <param name="Shape">Sizes, outermost first; empty for a scalar.</param>
/// <param name="Offset">First byte of the data: in the data section of a safetensors file, in the whole of a zip file.</param>
/// <param name="ByteCount">Length of the data in bytes.</param>
public sealed record TensorInfo(string Name, DType DType, long[] Shape, long Offset, long ByteCount)
{
    /// <summary>Number of elements; 1 for a scalar.</summary>
    public long Count => ByteCount / DType.Size();
}
