namespace AlignProp.Benchmarks;

internal static class Project
{
    /// <summary>A path under the repository's root.</summary>
    public static string Path(params string[] parts)
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(System.IO.Path.Combine(folder!.FullName, "AlignProp.Actors.sln")))
        {
            folder = folder.Parent;
        }
        return System.IO.Path.Combine([folder.FullName, .. parts]);
    }
}
