using AlignProp.Cli.Remote;
using AlignProp.Coordinator.Runs;
using AlignProp.Coordinator.Storage;

namespace AlignProp.Cli.Interactive;

/// <summary>What Tab offers besides verbs and options: runs, nodes, files.</summary>
internal static class Words
{
    private const int Most = 50;

    public static IEnumerable<string> Runs(string folder) => RunDirectory.All(folder).Reverse().Take(Most).Select(d => d.Id);

    /// <summary>Those that take part in a run: asked from its coordinator, quickly or not at all.</summary>
    public static IEnumerable<string> Nodes(Func<CoordinatorClient> coordinator)
    {
        try
        {
            using var client = coordinator();
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(2));
            return [.. Task.Run(() => client.NodesAsync(patience.Token)).GetAwaiter().GetResult()
                .Where(n => n.State is not (NodeState.Left or NodeState.Lost or NodeState.Refused or NodeState.Leaving))
                .Select(n => n.Node).Distinct()];
        }
        catch (Exception e) when (e is Messages.Configuration.ConfigException or OperationCanceledException or IOException)
        {
            return [];
        }
    }

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
