namespace AlignProp.Adapters.Tests.Files;

public sealed class HubFolderTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("alignprop-hub-").FullName;

    private string Folder => Path.Combine(_root, "models--org--name");

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void The_snapshot_that_main_names_is_meant()
    {
        var one = Directory.CreateDirectory(Path.Combine(Folder, "snapshots", "0123")).FullName;
        Assert.Equal(one, HubFolder.Resolve(Folder));
        var two = Directory.CreateDirectory(Path.Combine(Folder, "snapshots", "4567")).FullName;
        Assert.Contains("expected it to name one of the folders", Assert.Throws<ModelFileException>(
            () => HubFolder.Resolve(Folder)).Message);
        Directory.CreateDirectory(Path.Combine(Folder, "refs"));
        File.WriteAllText(Path.Combine(Folder, "refs", "main"), "4567\n");
        Assert.Equal(two, HubFolder.Resolve(Folder + "/"));
        File.WriteAllText(Path.Combine(Folder, "refs", "main"), "89ab");
        Assert.Contains("89ab: folder not found", Assert.Throws<ModelFileException>(() => HubFolder.Resolve(Folder)).Message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("no/such/folder")]
    [InlineData("models--org--not-downloaded")]
    public void Other_paths_stay(string path) => Assert.Equal(path, HubFolder.Resolve(path));

    [Fact]
    public void A_plain_folder_stays() => Assert.Equal(_root, HubFolder.Resolve(_root));
}
