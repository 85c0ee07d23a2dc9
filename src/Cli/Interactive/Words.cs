using System.Text.Json;
using AlignProp.Coordinator.Storage;
using AlignProp.Web.Status;

namespace AlignProp.Cli.Interactive;

/// <summary>What Tab offers besides verbs and options: runs, nodes, files.</summary>
internal static class Words
{
    private const int Most = 50;

    public static IEnumerable<string> Runs(string folder) => RunDirectory.All(folder).Reverse().Take(Most).Select(d => d.Id);

    /// <summary>Of the newest run that is running: asked from its coordinator, quickly or not at all.</summary>
    public static IEnumerable<string> Nodes(string folder)
    {
        try
        {
            var url = RunLead.Led(folder).Select(d => d.Url).FirstOrDefault(File.Exists);
            if (url is null)
            {
                return [];
            }
            using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(1) };
            using var answer = http.Send(new HttpRequestMessage(HttpMethod.Get, $"{File.ReadAllText(url).Trim()}/api/nodes"));
            return (JsonSerializer.Deserialize<List<NodeStatus>>(answer.Content.ReadAsStream(), RunHistory.Json) ?? [])
                .Select(n => n.Node).Distinct();
        }
        catch (Exception e) when (
            e is HttpRequestException or TaskCanceledException or JsonException or IOException or UriFormatException)
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
