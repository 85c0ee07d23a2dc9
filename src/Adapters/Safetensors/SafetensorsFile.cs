namespace AlignProp.Adapters;

/// <summary>
/// Reads a safetensors file without copying it: the file is mapped into memory and tensors are spans over the mapping.
/// Everything in the header is validated on opening. Reading is thread-safe; disposing while another thread reads is not.
/// </summary>
/// <remarks>The file must not be truncated while it is open. Little-endian machines only, like the format itself.</remarks>
public sealed class SafetensorsFile : IWeightFile
{
    private readonly MappedBytes _bytes;
    private readonly SafetensorsHeader _header;

    private SafetensorsFile(MappedBytes bytes)
    {
        _bytes = bytes;
        var prefix = bytes.Span(0, (int)Math.Min(SafetensorsHeader.PrefixLength, bytes.Length));
        var headerLength = SafetensorsHeader.ReadLength(bytes.Path, prefix, bytes.Length);
        _header = SafetensorsHeader.Parse(bytes.Path, bytes.Span(SafetensorsHeader.PrefixLength, headerLength).ToArray(),
            bytes.Length);
        Files = [bytes.Path];
    }

    /// <summary>The file's path, or what the bytes in memory are called.</summary>
    public string Path => _bytes.Path;

    /// <inheritdoc/>
    public IReadOnlyList<string> Files { get; }

    /// <summary>All tensors by name.</summary>
    public IReadOnlyDictionary<string, TensorInfo> Tensors => _header.Tensors;

    /// <summary>The file's <c>__metadata__</c>; empty if it has none.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>Maps the file and validates its header.</summary>
    /// <exception cref="SafetensorsException">The file is not valid safetensors.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="WeightFileException">The file cannot be read.</exception>
    public static SafetensorsFile Open(string path) => Over(MappedBytes.Open(path));

    /// <summary>Reads a file held in memory; the bytes must not change while it is in use.</summary>
    /// <param name="bytes">The whole file.</param>
    /// <param name="origin">What to call the bytes in error messages.</param>
    /// <exception cref="SafetensorsException">The bytes are not valid safetensors.</exception>
    public static SafetensorsFile Parse(ReadOnlyMemory<byte> bytes, string origin = "safetensors bytes") =>
        Over(new MappedBytes(origin, bytes));

    /// <inheritdoc/>
    public ReadOnlySpan<byte> Bytes(string name)
    {
        var info = this.Info(name);
        return _bytes.Tensor(name, _header.DataStart + info.Offset, info.ByteCount);
    }

    /// <inheritdoc/>
    public void Release(string name)
    {
        var info = this.Info(name);
        _bytes.Release(_header.DataStart + info.Offset, info.ByteCount);
    }

    /// <summary>Unmaps the file. Spans obtained from it must not be used afterwards.</summary>
    public void Dispose() => _bytes.Dispose();

    internal static SafetensorsFile Over(MappedBytes bytes)
    {
        try
        {
            return new SafetensorsFile(bytes);
        }
        catch
        {
            bytes.Dispose();
            throw;
        }
    }
}
