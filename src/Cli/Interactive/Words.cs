using AlignProp.Coordinator.Storage;

namespace AlignProp.Cli.Interactive;

/// <summary>What Tab offers besides verbs and options: runs, files.</summary>
internal static class Words
{
    private const int Most = 50;

    public static IEnumerable<string> Runs(string folder) => RunDirectory.All(folder).Reverse().Take(Most).Select(d => d.Id);

    public static IEnumerable<string> Files(string ending) => Directory.EnumerateFiles(".", $"*{ending}")
        .Select(f => Path.GetFileName(f)).Take(Most);

    /// <summary>Files and folders that begin as a word does.</summary>
    public static IEnumerable<string> Paths(string word)
    {
        var slash = word.LastIndexOf('/');
        var folder = slash < 0 ? "." : slash == 0 ? "/" : word[..slash];
        if (!Directory.Exists(folder))
        {
            return [];
        }
        var begun = slash < 0 ? "" : word[..(slash + 1)];
        return new DirectoryInfo(folder).EnumerateFileSystemInfos(word[(slash + 1)..] + "*").Where(f => !f.Name.StartsWith('.'))
            .OrderBy(f => f.Name, StringComparer.Ordinal)
            .Take(Most).Select(f => begun + f.Name + (f is DirectoryInfo ? "/" : ""));
    }
}
