using System.Runtime.InteropServices;

namespace AlignProp.Adapters.Tests.Weights;

/// <summary>What is no plain file is written into and stays what it is.</summary>
public sealed class OutputPlaceTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("alignprop-out-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("/dev/null", false)]
    [InlineData("/dev/full", false)]
    [InlineData("/dev/shm/alignprop-none", true)]
    [InlineData("/no/such/folder/file", true)]
    public void Devices_are_written_into(string path, bool plain) => Assert.Equal(plain, OutputPlace.Of(path).IsPlain);

    [Fact]
    public void A_link_stays_and_its_file_is_replaced()
    {
        Directory.CreateDirectory(At("there"));
        File.WriteAllText(At("there/real"), "old");
        File.CreateSymbolicLink(At("second"), "there/real");
        File.CreateSymbolicLink(At("first"), At("second"));
        Write(At("first"), "new");
        Assert.Equal("second", Path.GetFileName(new FileInfo(At("first")).LinkTarget));
        Assert.Equal("there/real", new FileInfo(At("second")).LinkTarget);
        Assert.Equal("new", File.ReadAllText(At("there/real")));
        Assert.Equal(["real"], Directory.GetFiles(At("there")).Select(Path.GetFileName));
    }

    [Fact]
    public void A_link_to_nothing_gets_its_file()
    {
        File.CreateSymbolicLink(At("link"), "later");
        Write(At("link"), "new");
        Assert.Equal("new", File.ReadAllText(At("later")));
        Assert.NotNull(new FileInfo(At("link")).LinkTarget);
    }

    [Fact]
    public void A_link_to_itself_is_an_error()
    {
        File.CreateSymbolicLink(At("link"), "link");
        Assert.Throws<IOException>(() => Write(At("link"), "new"));
    }

    [Fact]
    public void A_link_to_a_device_writes_into_the_device()
    {
        File.CreateSymbolicLink(At("link"), "/dev/full");
        // A device that is always full: the error is the device's own.
        Assert.Throws<IOException>(() => Write(At("link"), new string('x', 1 << 16)));
        Assert.Equal("/dev/full", new FileInfo(At("link")).LinkTarget);
        Assert.False(OutputPlace.Of("/dev/full").IsPlain);
    }

    [Fact]
    public async Task A_pipe_hands_the_bytes_to_its_reader()
    {
        Assert.Equal(0, MakePipe(At("pipe"), 0x180));
        var read = Task.Run(() => File.ReadAllBytes(At("pipe")));
        var bytes = new byte[1 << 18];
        new Random(1).NextBytes(bytes);
        DurableFile.Replace(At("pipe"), stream =>
        {
            stream.Write(bytes);
            Assert.Equal(bytes.Length, stream.Position);
        });
        Assert.Equal(bytes, await read);
        Assert.Equal(["pipe"], Directory.GetFileSystemEntries(_folder).Select(Path.GetFileName));
        Assert.False(OutputPlace.Of(At("pipe")).IsPlain);
    }

    private string At(string name) => Path.Combine(_folder, name);

    private static void Write(string path, string text) =>
        DurableFile.Replace(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(text)));

    [DllImport("libc", EntryPoint = "mkfifo", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int MakePipe([MarshalAs(UnmanagedType.LPStr)] string path, int mode);
}
