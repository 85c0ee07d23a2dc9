using System.Globalization;
using System.Text;
using AlignProp.Adapters;

namespace AlignProp.Reports.Html;

/// <summary>A run as one HTML file that refers to nothing outside itself.</summary>
public static class HtmlReport
{
    /// <summary>Writes the file; temporary file, then rename.</summary>
    public static void Write(string path, RunRecord run) =>
        DurableFile.Replace(path, stream => stream.Write(Encoding.UTF8.GetBytes(Render(run))));

    public static string Render(RunRecord run)
    {
        var page = new HtmlPage(run.Directory.Id);
        Head(page, run);
        page.Section("Before and after", PictureSections.Pairs(run));
        page.Section("Curves", run.Lines.Count > 0 ? HtmlPage.Curves : "");
        page.Section("Progression", PictureSections.Progression(run));
        page.Section("Evaluations", FactSections.Evaluations(run));
        page.Section("Devices and time", FactSections.Timings(run));
        page.Section("Elections and failures", FactSections.Events(run));
        page.Section("Configuration", FactSections.Configuration(run));
        page.Section("Hashes", FactSections.Hashes(run));
        page.Section("Environment", FactSections.Environment());
        return page.End([(run.Directory.Id, run)]);
    }

    private static void Head(HtmlPage page, RunRecord run)
    {
        var begun = run.Journal is [var first, ..] ? $", begun {first.Time.UtcDateTime:yyyy-MM-dd HH:mm} UTC" : "";
        var state = run.Stop?.Reason ?? (run.LastStep == 0 ? "no step committed yet" : "not ended");
        page.Add(string.Create(CultureInfo.InvariantCulture,
            $"<h1>{HtmlPage.Text(run.Directory.Id)}</h1>\n<p class=\"quiet\">{HtmlPage.Text(run.NameOf("model.path"))} aligned "
            + $"to the reward <b>{HtmlPage.Text(run.Reward)}</b>; {HtmlPage.Text(state)}{begun}</p>\n<div class=\"tiles\">\n"));
        if (run.Evaluations is [var start, .., var end])
        {
            page.Tile(HtmlPage.Spread(end), "held-out reward, mean ± standard deviation over the held-out pictures; before "
                + $"training {HtmlPage.Spread(start)}", end.RewardMean >= start.RewardMean ? "up" : "down");
            page.Tile(HtmlPage.Number(end.Diversity),
                $"diversity between prompts; before training {HtmlPage.Number(start.Diversity)}");
        }
        page.Tile($"{run.LastStep}", "optimizer steps");
        if (run.Steps.Count > 0)
        {
            page.Tile($"{HtmlPage.Number(run.Steps.Average(s => s.Seconds ?? 0), "F1")} s", "per step, mean");
        }
        if (run.AdapterSha256 is { } hash)
        {
            page.Tile(hash[..12], "adapter SHA-256");
        }
        page.Add("</div>\n");
    }
}
