using AlignProp.GpuNode.Compute;

namespace AlignProp.GpuNode.Tests;

public sealed class NativeFilesTests
{
    [Fact]
    public void A_library_that_cannot_be_read_is_named_with_where_it_leads()
    {
        var folder = Directory.CreateTempSubdirectory("alignprop-native-").FullName;
        try
        {
            File.WriteAllText(Path.Combine(folder, "libother.so"), "");
            NativeFiles.RequireReadable(folder);
            File.CreateSymbolicLink(Path.Combine(folder, "libtorch.so"), "/no/such/package/libtorch.so");
            var message = Assert.Throws<IOException>(() => NativeFiles.RequireReadable(folder)).Message;
            Assert.StartsWith($"{Path.Combine(folder, "libtorch.so")} -> /no/such/package/libtorch.so: cannot be read by user",
                message);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
