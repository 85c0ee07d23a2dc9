using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;

namespace AlignProp.Adapters;

/// <summary>
/// A safetensors file, memory-mapped: opening reads only the header, tensors are read in place.
/// Format: u64 header length, JSON header, data.
/// </summary>
public sealed unsafe class SafetensorsFile : IDisposable
{
    private readonly MemoryMappedFile? _map;
    private readonly MemoryMappedViewAccessor? _view;
    private readonly ReadOnlyMemory<byte> _buffer;
    private readonly byte* _start;
    private readonly SafetensorsHeader _header;

    private SafetensorsFile(string path)
    {
        Path = path;
        var length = new FileInfo(path).Length;
        if (length < 8)
        {
            throw new SafetensorsException($"{path}: {length} bytes are too few for a safetensors file");
        }
        _map = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
        _view = _map.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
        try
        {
            _header = SafetensorsHeader.Parse(At, length, path);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    private SafetensorsFile(ReadOnlyMemory<byte> bytes, string origin)
    {
        Path = origin;
        _buffer = bytes;
        _header = SafetensorsHeader.Parse((at, count) => bytes.Span.Slice((int)at, count), bytes.Length, origin);
    }

    /// <summary>The file's path, or what the buffer was called.</summary>
    public string Path { get; }

    public IReadOnlyDictionary<string, TensorInfo> Tensors => _header.Tensors;

    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <exception cref="SafetensorsException">The file is damaged.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public static SafetensorsFile Open(string path) =>
        File.Exists(path) ? new SafetensorsFile(path) : throw new FileNotFoundException($"{path}: file not found", path);

    /// <summary>Reads a buffer (a message, a blob) instead of a file.</summary>
    /// <exception cref="SafetensorsException">The buffer is damaged.</exception>
    public static SafetensorsFile Parse(ReadOnlyMemory<byte> bytes, string origin = "safetensors buffer") => new(bytes, origin);

    /// <summary>The tensor's bytes in place; valid until this is disposed.</summary>
    public ReadOnlySpan<byte> Bytes(string name)
    {
        var info = Info(name);
        return At(_header.DataStart + info.Offset, checked((int)info.ByteCount));
    }

    /// <summary>The tensor as floats, row-major; half, bfloat16 and double are converted.</summary>
    public float[] ReadSingles(string name)
    {
        var info = Info(name);
        var bytes = Bytes(name);
        switch (info.DType)
        {
            case DType.F32:
                return MemoryMarshal.Cast<byte, float>(bytes).ToArray();
            case DType.F64:
                return Array.ConvertAll(MemoryMarshal.Cast<byte, double>(bytes).ToArray(), x => (float)x);
            case DType.F16:
                return Array.ConvertAll(MemoryMarshal.Cast<byte, Half>(bytes).ToArray(), x => (float)x);
            case DType.BF16:
                return Array.ConvertAll(MemoryMarshal.Cast<byte, ushort>(bytes).ToArray(), x => BitConverter.UInt32BitsToSingle((uint)x << 16));
            default:
                throw new SafetensorsException($"{Path}: {name} is {info.DType.HeaderName()}, expected a floating-point type");
        }
    }

    public void Dispose()
    {
        if (_view is { } view && !view.SafeMemoryMappedViewHandle.IsClosed)
        {
            view.SafeMemoryMappedViewHandle.ReleasePointer();
            view.Dispose();
            _map!.Dispose();
        }
    }

    private TensorInfo Info(string name) =>
        Tensors.TryGetValue(name, out var info) ? info : throw new SafetensorsException($"{Path}: no tensor {name}");

    private ReadOnlySpan<byte> At(long at, int count) =>
        _view is null ? _buffer.Span.Slice((int)at, count) : new ReadOnlySpan<byte>(_start + at, count);
}
