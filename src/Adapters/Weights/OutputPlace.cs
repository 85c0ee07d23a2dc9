using System.Runtime.InteropServices;

namespace AlignProp.Adapters;

/// <summary>
/// Where a file is to be written: a plain file, there already or not, is replaced whole; what is no plain file (a device, a pipe,
/// standard output) is written into and stays what it is. Links are followed, and stay links.
/// </summary>
/// <param name="Path">The file behind all links, or the place itself where it is written into.</param>
/// <param name="IsPlain">Written beside and renamed.</param>
internal sealed partial record OutputPlace(string Path, bool IsPlain)
{
    private const int CurrentDirectory = -100;
    private const int TypeMask = 0xF000, PipeType = 0x1000, PlainType = 0x8000;
    private const uint WantType = 1;
    private const int StructureSize = 256, ModeOffset = 28;
    private const int WriteOnly = 1, NonBlocking = 0x800;
    private const int MostLinks = 40;

    private static readonly TimeSpan ReaderPatience = TimeSpan.FromSeconds(10);

    /// <exception cref="IOException">Links that lead in a circle.</exception>
    public static OutputPlace Of(string path)
    {
        var full = System.IO.Path.GetFullPath(path);
        if (!OperatingSystem.IsLinux())
        {
            return new OutputPlace(full, true);
        }
        // What lies in /proc and /dev (also behind /dev/stdout) belongs to a process: a rename would not reach it.
        var target = full;
        for (var links = 0; !IsSystem(target) && new FileInfo(target).LinkTarget is { } next; links++)
        {
            target = links < MostLinks ? System.IO.Path.GetFullPath(next, System.IO.Path.GetDirectoryName(target)!)
                : throw new IOException($"{path}: too many levels of symbolic links");
        }
        return TypeOf(target) is { } type && (type != PlainType || IsSystem(target)) && !Directory.Exists(target)
            ? new OutputPlace(target, false) : new OutputPlace(target, true);
    }

    /// <summary>A stream into the device or pipe.</summary>
    /// <exception cref="IOException">It cannot be opened, or nobody reads the pipe.</exception>
    public Stream Open()
    {
        // A pipe that nobody reads blocks whoever opens it. The first descriptor finds that out, and keeps the reader.
        var probe = TypeOf(Path) == PipeType ? Probe() : -1;
        try
        {
            return new CountedStream(new FileStream(Path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, 0));
        }
        finally
        {
            if (probe >= 0)
            {
                _ = NativeClose(probe);
            }
        }
    }

    private int Probe()
    {
        for (var end = Environment.TickCount64 + (long)ReaderPatience.TotalMilliseconds; ;)
        {
            if (NativeOpen(Path, WriteOnly | NonBlocking) is >= 0 and var descriptor)
            {
                return descriptor;
            }
            var error = Marshal.GetLastPInvokeError();
            const int NoReader = 6;
            if (error != NoReader)
            {
                throw new IOException(Marshal.GetPInvokeErrorMessage(error));
            }
            if (Environment.TickCount64 > end)
            {
                throw new IOException("nobody reads this pipe; start its reader first");
            }
            Thread.Sleep(20);
        }
    }

    private static bool IsSystem(string path) =>
        path.StartsWith("/proc/", StringComparison.Ordinal) || path.StartsWith("/dev/", StringComparison.Ordinal)
            && !path.StartsWith("/dev/shm/", StringComparison.Ordinal);

    /// <summary>The kind of what is there, behind links; null = nothing is.</summary>
    private static int? TypeOf(string path)
    {
        // .NET has no word for devices and pipes. Of struct statx, alike on every Linux, only stx_mode is read.
        Span<byte> found = stackalloc byte[StructureSize];
        return NativeStatx(CurrentDirectory, path, 0, WantType, ref MemoryMarshal.GetReference(found)) == 0
            ? BitConverter.ToUInt16(found[ModeOffset..]) & TypeMask : null;
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int NativeStatx(int folder, string path, int flags, uint mask, ref byte found);

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int NativeOpen(string path, int flags);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int NativeClose(int descriptor);

    /// <summary>Devices and pipes do not know how far they were written: this does.</summary>
    private sealed class CountedStream(Stream inner) : Stream
    {
        private long _written;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => _written;

        public override long Position
        {
            get => _written;
            set => throw new NotSupportedException();
        }

        public override void Flush() => inner.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            inner.Write(buffer);
            _written += buffer.Length;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                inner.Dispose();
            }
            base.Dispose(disposing);
        }
    }
}
