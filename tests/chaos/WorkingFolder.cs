namespace AlignProp.Chaos;

/// <summary>A folder of its own under the system's temporary one.</summary>
internal sealed class WorkingFolder(bool keep) : IAsyncDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("alignprop-chaos-").FullName;

    /// <summary>The repository's root.</summary>
    public static string Root { get; } = FindRoot();

    public ValueTask DisposeAsync()
    {
        if (keep)
        {
            Console.WriteLine($"kept: {Path}");
        }
        else
        {
            Directory.Delete(Path, recursive: true);
        }
        return ValueTask.CompletedTask;
    }

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(System.IO.Path.Combine(folder!.FullName, "AlignProp.Actors.sln")))
        {
            folder = folder.Parent;
        }
        return folder.FullName;
    }
}
