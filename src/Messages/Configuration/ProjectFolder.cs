using AlignProp.Adapters;

namespace AlignProp.Messages.Configuration;

/// <summary>Where models/ and prompts/ of the project lie: beside the solution, or beside the published executable.</summary>
public static class ProjectFolder
{
    /// <summary>
    /// A relative path is looked for in the current folder, then beside the solution or the executable; a folder of a HuggingFace
    /// cache stands for its snapshot.
    /// </summary>
    public static string Resolve(string path) => HubFolder.Resolve(Here(path));

    private static string Here(string path) =>
        path.Length == 0 || Path.IsPathRooted(path) || Path.Exists(path) || Find(path) is not { } found ? path : found;

    /// <summary>The path under the project's folder when it exists there, else null.</summary>
    public static string? Find(string relative)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var path = Path.Combine(folder.FullName, relative);
            if (Path.Exists(path))
            {
                return path;
            }
            if (File.Exists(Path.Combine(folder.FullName, "AlignProp.Actors.sln")))
            {
                return null;
            }
        }
        return null;
    }
}
