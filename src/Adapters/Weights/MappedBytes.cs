using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;

namespace AlignProp.Adapters;

/// <summary>The bytes of a file, mapped read-only into memory, or an array that stands for one.</summary>
/// <remarks>The file must not be truncated while it is open. Little-endian machines only, like the formats themselves.</remarks>
internal sealed unsafe partial class MappedBytes : IDisposable
{
    private readonly ReadOnlyMemory<byte> _memory;
    private readonly MemoryMappedFile? _file;
    private readonly MemoryMappedViewAccessor? _view;
    private readonly byte* _pointer;
    private bool _disposed;

    internal MappedBytes(string path, ReadOnlyMemory<byte> memory)
    {
        Path = path;
        _memory = memory;
        Length = memory.Length;
    }

    private MappedBytes(string path, MemoryMappedFile file, long length)
    {
        Path = path;
        Length = length;
        _file = file;
        _view = file.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _pointer);
        _pointer += _view.PointerOffset;
    }

    /// <summary>The file's path, or what the bytes in memory are called.</summary>
    internal string Path { get; }

    internal long Length { get; }

    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="WeightFileException">The file cannot be read.</exception>
    internal static MappedBytes Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!File.Exists(path))
        {
            throw new FileNotFoundException($"{path}: file not found", path);
        }

        FileStream? stream = null;
        MemoryMappedFile? file = null;
        try
        {
            stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
            var length = stream.Length;
            if (length == 0)
            {
                stream.Dispose();
                return new MappedBytes(path, ReadOnlyMemory<byte>.Empty);
            }

            file = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None,
                leaveOpen: false);
            return new MappedBytes(path, file, length);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            file?.Dispose();
            stream?.Dispose();
            throw new WeightFileException(path, null, $"cannot be read: {e.Message}", e);
        }
    }

    /// <summary>A part of the file; the caller has checked that it lies inside.</summary>
    internal ReadOnlySpan<byte> Span(long offset, int count)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length - count);
        return _pointer is null ? _memory.Span.Slice((int)offset, count) : new ReadOnlySpan<byte>(_pointer + offset, count);
    }

    /// <summary>The bytes of one tensor.</summary>
    /// <exception cref="WeightFileException">It has 2 GiB or more.</exception>
    internal ReadOnlySpan<byte> Tensor(string name, long offset, long count) => count <= int.MaxValue
        ? Span(offset, (int)count)
        : throw new WeightFileException(Path, name, $"{count} bytes are more than one span can hold");

    /// <summary>
    /// Takes the whole pages of a range out of resident memory; they stay in the system's cache and can be read again.
    /// </summary>
    internal void Release(long offset, long count)
    {
        if (_pointer is null || _disposed || !OperatingSystem.IsLinux())
        {
            return;
        }

        nint page = Environment.SystemPageSize;
        var start = ((nint)(_pointer + offset) + page - 1) / page * page;
        var end = (nint)(_pointer + offset + count) / page * page;
        if (end > start)
        {
            _ = NativeAdvise(start, (nuint)(end - start), DontNeed);
        }
    }

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

    private const int DontNeed = 4;

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int NativeAdvise(nint address, nuint length, int advice);
}
