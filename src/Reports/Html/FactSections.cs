using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using AlignProp.Messages;

namespace AlignProp.Reports.Html;

/// <summary>What is told in tables.</summary>
internal static class FactSections
{
    private static readonly string[] Files =
        ["adapter.safetensors", "adapter.best.safetensors", "run.conf", "metrics.jsonl", "grid.png", "reward.png"];

    /// <summary>Entries of the event list that are not the run's ordinary course.</summary>
    private static readonly string[] Ordinary = ["step", "evaluation", "notice"];

    public static string Evaluations(RunRecord run) => Table(["after step", "held-out reward", "std", "diversity"],
        run.Evaluations.Select(e => new[] { $"{e.Step}", HtmlPage.Number(e.RewardMean), HtmlPage.Number(e.RewardStd),
            HtmlPage.Number(e.Diversity) }));

    public static string Timings(RunRecord run)
    {
        var rows = new List<string[]>();
        if (run.Steps.Count > 0)
        {
            var seconds = run.Steps.Select(s => s.Seconds ?? 0).Order().ToList();
            rows.Add(["steps",
                $"{run.Steps.Count}, {HtmlPage.Number(seconds.Sum() / 60, "F1")} min; each "
                + $"{HtmlPage.Number(seconds[0], "F1")} to {HtmlPage.Number(seconds[^1], "F1")} s, median "
                + $"{HtmlPage.Number(seconds[seconds.Count / 2], "F1")} s"]);
        }
        if (run.Journal is [var first, .., var last])
        {
            rows.Add(["from the first event to the last", $"{Elapsed(last.Time - first.Time)} (pauses between sittings count)"]);
        }
        var devices = Devices(Path.Combine(run.Directory.Folder, "status.json"));
        return Table([], rows) + Table(["node", "device", "state", "shards done", "a minute", "failures", "peak memory"],
            devices);
    }

    public static string Events(RunRecord run)
    {
        var rows = run.Journal.Where(j => j.Event is CoordinatorElected)
            .Select(j => (j.Time,
            Text: $"coordinator elected, term {((CoordinatorElected)j.Event).Term}, at {((CoordinatorElected)j.Event).Host}",
            Kind: "election"))
            .Concat(run.Events.Where(e => !Ordinary.Contains(e.Kind)).Select(e => (e.Time, e.Text, e.Kind)))
            .Concat(run.Journal.Where(j => j.Event is RunEnded)
                .Select(j =>
                (j.Time, Text: $"ended after step {((RunEnded)j.Event).Step}: {((RunEnded)j.Event).Reason}", Kind: "run")))
            .OrderBy(r => r.Time).DistinctBy(r => (r.Kind, r.Text))
            .Select(r => new[] { r.Time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture), r.Kind,
                r.Text });
        return Table(["time (UTC)", "kind", "what"], rows);
    }

    /// <summary>run.conf, a table a section.</summary>
    public static string Configuration(RunRecord run)
    {
        var lines = run.ConfigText.Split('\n').Select(l => l.Trim()).Where(l => !l.StartsWith('#')).Select(l => l.Split('=', 2))
            .Where(l => l.Length == 2)
            .Select(l => (Key: l[0].Trim(), Value: l[1].Trim())).ToList();
        var text = new StringBuilder("<div class=\"config\">\n");
        foreach (var section in lines.GroupBy(l => l.Key.Contains('.', StringComparison.Ordinal)
            ? l.Key[..l.Key.IndexOf('.', StringComparison.Ordinal)] : ""))
        {
            text.Append(Table([],
                section.Select(l =>
                new[] { l.Key, l.Value.Length > 1 && l.Value[0] == '"' && l.Value[^1] == '"' ? l.Value[1..^1] : l.Value })));
        }
        return lines.Count == 0 ? "" : text.Append("</div>\n").ToString();
    }

    public static string Hashes(RunRecord run)
    {
        var rows = new List<string[]>();
        void Add(string what, string? hash)
        {
            if (hash is { Length: > 0 })
            {
                rows.Add([what, hash]);
            }
        }

        Add($"adapter after step {run.LastStep}", run.AdapterSha256);
        Add("adapter 0", run.Created?.AdapterHash.Value);
        Add("model's files", run.ModelHash);
        foreach (var (label, hash) in run.RewardHashes)
        {
            Add($"{label}'s files", hash);
        }
        foreach (var name in Files)
        {
            var path = Path.Combine(run.Directory.Folder, name);
            Add(name, File.Exists(path) ? Hash(path) : null);
        }
        return Table(["what", "SHA-256"], rows, "code");
    }

    public static string Environment() => Table([], [
        ["AlignProp.Actors", ClusterNames.Version],
        [".NET", RuntimeInformation.FrameworkDescription],
        ["this report was written on",
            $"{RuntimeInformation.OSDescription}, {RuntimeInformation.OSArchitecture}, {System.Environment.ProcessorCount} "
            + $"processors"],
        ["written", DateTimeOffset.UtcNow.ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture)],
    ]);

    /// <summary>The devices of the newest status, where the run's folder has one.</summary>
    private static IEnumerable<string[]> Devices(string path)
    {
        if (!File.Exists(path))
        {
            return [];
        }
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            return document.RootElement.GetProperty("nodes").EnumerateArray().Select(n =>
            {
                string Of(string name) => n.TryGetProperty(name, out var value) ? value.ToString() : "";
                var memory = n.TryGetProperty("peakMemory", out var bytes) && bytes.TryGetInt64(out var b) && b > 0
                    ? $"{b / 1048576} MB" : "–";
                var rate = n.TryGetProperty("shardsPerMinute", out var r) && r.TryGetDouble(out var perMinute)
                    ? HtmlPage.Number(perMinute, "F1") : "–";
                return new[] { Of("node"), Of("device"), Of("state"), Of("shardsDone"), rate, Of("failures"), memory };
            }).ToList();
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return [];
        }
    }

    /// <summary>Empty where there is no row; all texts are text.</summary>
    /// <param name="style">Element of the cells behind the first, or none.</param>
    public static string Table(IReadOnlyList<string> head, IEnumerable<string[]> rows, string style = "")
    {
        var body = new StringBuilder();
        foreach (var row in rows)
        {
            body.Append("<tr>")
                .AppendJoin("",
                row.Select((cell, i) => i > 0 && style.Length > 0 ? $"<td><{style}>{HtmlPage.Text(cell)}</{style}></td>"
                : $"<td>{HtmlPage.Text(cell)}</td>")).Append("</tr>\n");
        }
        var top = head.Count == 0 ? "" : $"<tr>{string.Concat(head.Select(h => $"<th>{HtmlPage.Text(h)}</th>"))}</tr>\n";
        return body.Length == 0 ? "" : $"<div class=\"scroll\"><table>\n{top}{body}</table></div>\n";
    }

    private static string Elapsed(TimeSpan time) => $"{(int)time.TotalHours}:{time:mm\\:ss}";

    private static string Hash(string path)
    {
        using var stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
