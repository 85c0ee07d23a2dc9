using System.IO.MemoryMappedFiles;

namespace AlignProp.Adapters;

/// <summary>
/// Reads a safetensors file without copying it: the file is mapped into memory and tensors are spans over the mapping.
/// Everything in the header is validated on opening. Reading is thread-safe; disposing while another thread reads is not.
/// </summary>
/// <remarks>The file must not be truncated while it is open. Little-endian machines only, like the format itself.</remarks>
public sealed unsafe class SafetensorsFile : IDisposable
{
    private readonly SafetensorsHeader _header;
    private readonly ReadOnlyMemory<byte> _memory;
    private readonly MemoryMappedFile? _file;
    private readonly MemoryMappedViewAccessor? _view;
    private readonly byte* _pointer;
    private bool _disposed;

    private SafetensorsFile(string source, SafetensorsHeader header, ReadOnlyMemory<byte> memory)
    {
        Path = source;
        _header = header;
        _memory = memory;
    }

    private SafetensorsFile(string source, MemoryMappedFile file, long length)
    {
        Path = source;
        _file = file;
        _view = file.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
        try
        {
            _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _pointer);
            _pointer += _view.PointerOffset;
            var headerLength = SafetensorsHeader.ReadLength(source, new ReadOnlySpan<byte>(_pointer, SafetensorsHeader.PrefixLength), length);
            var json = new ReadOnlySpan<byte>(_pointer + SafetensorsHeader.PrefixLength, headerLength).ToArray();
            _header = SafetensorsHeader.Parse(source, json, length);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The file's path, or what the bytes in memory are called.</summary>
    public string Path { get; }

    /// <summary>All tensors by name.</summary>
    public IReadOnlyDictionary<string, TensorInfo> Tensors => _header.Tensors;

    /// <summary>The file's <c>__metadata__</c>; empty if it has none.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>Maps the file and validates its header.</summary>
    /// <exception cref="SafetensorsException">The file is not valid safetensors.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    public static SafetensorsFile Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!File.Exists(path))
        {
            throw new FileNotFoundException($"{path}: file not found", path);
        }

        var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        MemoryMappedFile file;
        long length;
        try
        {
            length = stream.Length;
            if (length < SafetensorsHeader.PrefixLength)
            {
                throw new SafetensorsException(path, null, $"{length} bytes are too few for a safetensors file");
            }

            file = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
        }
        catch
        {
            stream.Dispose();
            throw;
        }

        try
        {
            return new SafetensorsFile(path, file, length);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Reads a file held in memory; the bytes must not change while it is in use.</summary>
    /// <param name="bytes">The whole file.</param>
    /// <param name="origin">What to call the bytes in error messages.</param>
    /// <exception cref="SafetensorsException">The bytes are not valid safetensors.</exception>
    public static SafetensorsFile Parse(ReadOnlyMemory<byte> bytes, string origin = "safetensors bytes")
    {
        var headerLength = SafetensorsHeader.ReadLength(origin, bytes.Span, bytes.Length);
        var header = SafetensorsHeader.Parse(origin, bytes.Slice(SafetensorsHeader.PrefixLength, headerLength), bytes.Length);
        return new SafetensorsFile(origin, header, bytes);
    }

    /// <summary>Where a tensor lies, its dtype and shape.</summary>
    /// <exception cref="SafetensorsException">There is no such tensor.</exception>
    public TensorInfo Info(string name) =>
        _header.Tensors.TryGetValue(name, out var info) ? info : throw new SafetensorsException(Path, name, "no such tensor in the file");

    /// <summary>The raw little-endian elements of a tensor, valid until the file is disposed; not copied.</summary>
    /// <exception cref="SafetensorsException">There is no such tensor, or it has 2 GiB or more.</exception>
    public ReadOnlySpan<byte> Bytes(string name)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        var info = Info(name);
        if (info.ByteCount > int.MaxValue)
        {
            throw new SafetensorsException(Path, name, $"{info.ByteCount} bytes are more than one span can hold");
        }

        var start = _header.DataStart + info.Offset;
        return _pointer is null
            ? _memory.Span.Slice((int)start, (int)info.ByteCount)
            : new ReadOnlySpan<byte>(_pointer + start, (int)info.ByteCount);
    }

    /// <summary>A copy of a floating-point tensor as fp32, row-major. F64 is rounded to nearest; F16 and BF16 convert exactly.</summary>
    /// <exception cref="SafetensorsException">There is no such tensor, or it does not hold floating-point numbers.</exception>
    public float[] ReadSingles(string name)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        var info = Info(name);
        return SingleConverter.TryConvert(info.DType, Bytes(name), out var values)
            ? values
            : throw new SafetensorsException(Path, name, $"is {info.DType.HeaderName()}, not a floating-point tensor");
    }

    /// <summary>Unmaps the file. Spans obtained from it must not be used afterwards.</summary>
    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        if (_pointer is not null)
        {
            _view?.SafeMemoryMappedViewHandle.ReleasePointer();
        }

        _view?.Dispose();
        _file?.Dispose();
    }
}
