using System.Text;
using AlignProp.Adapters;

namespace AlignProp.Reports.Html;

/// <summary>Two runs in one HTML file: curves over each other, their last pictures of the same seeds, what differs.</summary>
public static class HtmlComparison
{
    /// <summary>Writes the file; temporary file, then rename.</summary>
    /// <param name="differences">Key of the run file, and its values.</param>
    public static void Write(string path, (string Name, RunRecord Run) a, (string Name, RunRecord Run) b,
        IReadOnlyList<(string Key, string A, string B)> differences) =>
        DurableFile.Replace(path, stream => stream.Write(Encoding.UTF8.GetBytes(Render(a, b, differences))));

    public static string Render((string Name, RunRecord Run) a, (string Name, RunRecord Run) b,
        IReadOnlyList<(string Key, string A, string B)> differences)
    {
        var page = new HtmlPage($"{a.Name} and {b.Name}");
        page.Add($"<h1>{HtmlPage.Text(a.Name)}<br><span class=\"quiet\">and</span> {HtmlPage.Text(b.Name)}</h1>\n"
            + "<div class=\"tiles\">\n");
        foreach (var (name, run) in new[] { a, b })
        {
            page.Tile(HtmlPage.Spread(run.Evaluations is [.., var last] ? last : null),
                $"{name}: held-out reward, mean ± standard deviation, after step {run.LastStep}");
        }
        page.Add("</div>\n");
        page.Section("Curves", HtmlPage.Curves);
        page.Section("Pictures", PictureSections.Pairs(a, b));
        page.Section("Configured otherwise", FactSections.Table(["key", a.Name, b.Name],
            differences.Select(d => new[] { d.Key, d.A, d.B })));
        page.Section("Figures", FactSections.Table(["run", "reward", "steps", "held-out reward", "before training", "diversity",
            "adapter SHA-256"], new[] { a, b }.Select(side => new[]
            {
                side.Name, side.Run.Reward, $"{side.Run.LastStep}",
                HtmlPage.Spread(side.Run.Evaluations is [.., var last] ? last : null),
                HtmlPage.Spread(side.Run.Evaluations is [var first, ..] ? first : null),
                HtmlPage.Number(side.Run.Evaluations is [.., var end] ? end.Diversity : null), side.Run.AdapterSha256 ?? "–",
            })));
        return page.End([a, b]);
    }
}
