namespace AlignProp.Adapters;

/// <summary>
/// Folders of a HuggingFace cache by their name, <c>models--org--name</c>: the snapshot that <c>refs/main</c> names holds the
/// files.
/// </summary>
public static class HubFolder
{
    private const string Prefix = "models--";

    /// <summary>The snapshot of a cache's folder; any other path as it is.</summary>
    /// <exception cref="ModelFileException">No snapshot is there, or several and nothing says which.</exception>
    public static string Resolve(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var folder = Directory.Exists(path) ? path : InCache(path);
        if (folder is null || !IsCached(folder))
        {
            return path;
        }
        var snapshots = Path.Combine(folder, "snapshots");
        var main = Path.Combine(folder, "refs", "main");
        if (File.Exists(main))
        {
            var commit = Utf8Text.Read(main, m => new ModelFileException(m)).Trim();
            var named = Path.Combine(snapshots, commit);
            return commit.Length > 0 && !commit.Contains('/') && Directory.Exists(named) ? named
                : throw new ModelFileException($"{named}: folder not found; {main} names it: expected a snapshot "
                    + "that was downloaded");
        }
        return Directory.Exists(snapshots) && Directory.GetDirectories(snapshots) is { Length: 1 } one ? one[0]
            : throw new ModelFileException($"{main}: file not found; expected it to name one of the folders in {snapshots}");
    }

    private static bool IsCached(string folder) =>
        Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))).StartsWith(Prefix, StringComparison.Ordinal)
        && (Directory.Exists(Path.Combine(folder, "snapshots")) || Directory.Exists(Path.Combine(folder, "refs")));

    /// <summary>The bare name, looked for where the hub's tools keep their downloads.</summary>
    private static string? InCache(string name)
    {
        if (!name.StartsWith(Prefix, StringComparison.Ordinal) || name.Contains('/'))
        {
            return null;
        }
        var home = Environment.GetEnvironmentVariable("HF_HOME")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "huggingface");
        var found = Path.Combine(Environment.GetEnvironmentVariable("HF_HUB_CACHE") ?? Path.Combine(home, "hub"), name);
        return Directory.Exists(found) ? found : null;
    }
}
