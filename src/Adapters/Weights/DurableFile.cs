using System.Runtime.InteropServices;

namespace AlignProp.Adapters;

/// <summary>
/// Replaces files so that a crash leaves the old content or the new, never a part, and a return means it is on disk.
/// </summary>
public static partial class DurableFile
{
    /// <summary>
    /// Writes a temporary file beside <paramref name="path"/>, flushes it to the device, renames it over the path and, on Unix,
    /// flushes the directory too. The temporary file is removed if writing fails. Links are followed; a device or pipe is
    /// written into, and stays.
    /// </summary>
    public static void Replace(string path, Action<Stream> write)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var place = OutputPlace.Of(path);
        if (!place.IsPlain)
        {
            using var stream = place.Open();
            write(stream);
            return;
        }
        var full = place.Path;
        var temporary = $"{full}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (var file = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16))
            {
                write(file);
                file.Flush(flushToDisk: true);
            }

            File.Move(temporary, full, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }

        FlushDirectory(Path.GetDirectoryName(full)!);
    }

    private static void FlushDirectory(string directory)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        // .NET opens no directories, so the rename is made durable by the system call itself. Read-only is flag 0 everywhere.
        var descriptor = NativeOpen(directory, 0);
        if (descriptor < 0)
        {
            return;
        }

        try
        {
            if (NativeFsync(descriptor) != 0
                && Marshal.GetLastPInvokeError() is var error and not (InvalidArgument or NotSupported))
            {
                throw new IOException($"fsync of directory {directory} failed: {Marshal.GetPInvokeErrorMessage(error)}");
            }
        }
        finally
        {
            _ = NativeClose(descriptor);
        }
    }

    // Some file systems (network mounts) cannot fsync a directory and answer so; there is nothing more to do there.
    private const int InvalidArgument = 22;
    private const int NotSupported = 95;

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int NativeOpen(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int NativeFsync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int NativeClose(int descriptor);
}
