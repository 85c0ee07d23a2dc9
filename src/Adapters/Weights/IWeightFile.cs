namespace AlignProp.Adapters;

/// <summary>
/// Named tensors of a file, or of the files of a sharded index, mapped into memory: opening reads and validates what describes
/// them, not the numbers. Open with <see cref="WeightFiles.Open"/>. Reading is thread-safe; disposing while another thread reads
/// is not.
/// </summary>
public interface IWeightFile : IDisposable
{
    /// <summary>The path that was opened, or what the bytes in memory are called.</summary>
    string Path { get; }

    /// <summary>The files the tensors lie in: one, or the shards in ordinal order of their names.</summary>
    IReadOnlyList<string> Files { get; }

    /// <summary>All tensors by name.</summary>
    IReadOnlyDictionary<string, TensorInfo> Tensors { get; }

    /// <summary>The <c>__metadata__</c> of a safetensors file; numbers and texts at the top of one of torch.save.</summary>
    IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>
    /// The little-endian elements of a tensor in row-major order, valid until the file is disposed. A span over the mapping;
    /// copied only where a pickle stores the tensor in another order.
    /// </summary>
    /// <exception cref="WeightFileException">There is no such tensor, or it has 2 GiB or more.</exception>
    ReadOnlySpan<byte> Bytes(string name);

    /// <summary>
    /// Says that a tensor has been copied: the mapping's pages leave the process's resident memory (and are read again should it
    /// be asked for once more), so that loading a model takes its size once, not twice.
    /// </summary>
    /// <exception cref="WeightFileException">There is no such tensor.</exception>
    void Release(string name);
}

/// <summary>What can be had of any <see cref="IWeightFile"/>.</summary>
public static class WeightFileReading
{
    /// <summary>
    /// A copy of a floating-point tensor as fp32, row-major. F64 is rounded to nearest; the smaller ones convert exactly.
    /// </summary>
    /// <exception cref="WeightFileException">There is no such tensor, or it does not hold floating-point numbers.</exception>
    public static float[] ReadSingles(this IWeightFile file, string name)
    {
        ArgumentNullException.ThrowIfNull(file);
        var info = file.Info(name);
        return SingleConverter.TryConvert(info.DType, file.Bytes(name), out var values)
            ? values
            : throw new WeightFileException(file.Path, name, $"is {info.DType.HeaderName()}, not a floating-point tensor");
    }

    /// <summary>A tensor of one number of any type: 0-dimensional, or with sizes of 1.</summary>
    /// <exception cref="WeightFileException">There is no such tensor, or it is not one finite number.</exception>
    public static double ReadNumber(this IWeightFile file, string name)
    {
        ArgumentNullException.ThrowIfNull(file);
        var info = file.Info(name);
        if (info.Count != 1)
        {
            throw new WeightFileException(file.Path, name,
                $"has shape [{string.Join(", ", info.Shape)}]; expected one number");
        }

        file.RequireFinite(name);
        var bytes = file.Bytes(name);
        return info.DType switch
        {
            DType.F64 => BitConverter.ToDouble(bytes),
            DType.I64 => BitConverter.ToInt64(bytes),
            DType.I32 => BitConverter.ToInt32(bytes),
            DType.I16 => BitConverter.ToInt16(bytes),
            DType.I8 => (sbyte)bytes[0],
            DType.U8 or DType.Bool => bytes[0],
            _ => file.ReadSingles(name)[0],
        };
    }

    /// <summary>Where a tensor lies, its dtype and shape.</summary>
    /// <exception cref="WeightFileException">There is no such tensor.</exception>
    public static TensorInfo Info(this IWeightFile file, string name)
    {
        ArgumentNullException.ThrowIfNull(file);
        return file.Tensors.TryGetValue(name, out var info) ? info
            : throw new WeightFileException(file.Path, name, "no such tensor in the file");
    }
}
