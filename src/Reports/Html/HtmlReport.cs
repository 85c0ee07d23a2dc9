using System.Globalization;
using System.Net;
using System.Text;
using AlignProp.Adapters;

namespace AlignProp.Reports.Html;

/// <summary>A run as one HTML file that refers to nothing outside itself: to be mailed, printed, kept.</summary>
public static class HtmlReport
{
    /// <summary>Writes the file; temporary file, then rename.</summary>
    public static void Write(string path, RunRecord run) =>
        DurableFile.Replace(path, stream => stream.Write(Encoding.UTF8.GetBytes(Render(run))));

    public static string Render(RunRecord run)
    {
        var page = new StringBuilder(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
            + "content=\"width=device-width, initial-scale=1\">\n")
            .Append(CultureInfo.InvariantCulture,
                $"<title>{Text(run.Directory.Id)}</title>\n<style>\n{Style()}</style>\n</head>\n<body>\n<main>\n");
        Head(page, run);
        Section(page, "Before and after", PictureSections.Pairs(run));
        Section(page, "Curves", CurveSection.Render(run));
        Section(page, "Progression", PictureSections.Progression(run));
        Section(page, "Evaluations", FactSections.Evaluations(run));
        Section(page, "Devices and time", FactSections.Timings(run));
        Section(page, "Elections and failures", FactSections.Events(run));
        Section(page, "Configuration", FactSections.Configuration(run));
        Section(page, "Hashes", FactSections.Hashes(run));
        Section(page, "Environment", FactSections.Environment());
        return page.Append("</main>\n</body>\n</html>\n").ToString();
    }

    internal static string Text(string text) => WebUtility.HtmlEncode(text);

    internal static string Number(double? value, string format = "F3") => value is { } v
        ? v.ToString(format, CultureInfo.InvariantCulture) : "–";

    private static void Section(StringBuilder page, string title, string content)
    {
        if (content.Length > 0)
        {
            page.Append(CultureInfo.InvariantCulture, $"<section>\n<h2>{title}</h2>\n{content}</section>\n");
        }
    }

    private static void Head(StringBuilder page, RunRecord run)
    {
        var begun = run.Journal is [var first, ..] ? $", begun {first.Time.UtcDateTime:yyyy-MM-dd HH:mm} UTC" : "";
        var state = run.Stop?.Reason ?? (run.LastStep == 0 ? "no step committed yet" : "not ended");
        page.Append(CultureInfo.InvariantCulture,
            $"<h1>{Text(run.Directory.Id)}</h1>\n<p class=\"quiet\">{Text(run.NameOf("model.path"))} aligned to the reward "
            + $"<b>{Text(run.Reward)}</b>; {Text(state)}{begun}</p>\n<div class=\"tiles\">\n");
        if (run.Evaluations is [var start, .., var end])
        {
            Tile(page, $"{Number(start.RewardMean)} → {Number(end.RewardMean)}",
                $"held-out reward, {Signed(end.RewardMean - start.RewardMean)}", end.RewardMean >= start.RewardMean ? "up"
                : "down");
            Tile(page, $"{Number(start.Diversity)} → {Number(end.Diversity)}", "diversity between prompts");
        }
        Tile(page, $"{run.LastStep}", "optimizer steps");
        if (run.Steps.Count > 0)
        {
            Tile(page, $"{Number(run.Steps.Average(s => s.Seconds ?? 0), "F1")} s", "per step, mean");
        }
        if (run.AdapterSha256 is { } hash)
        {
            Tile(page, $"{hash[..12]}", "adapter SHA-256");
        }
        page.Append("</div>\n");
    }

    private static void Tile(StringBuilder page, string value, string label, string style = "") =>
        page.Append(CultureInfo.InvariantCulture,
            $"<div class=\"tile\"><b class=\"{style}\">{Text(value)}</b><span>{Text(label)}</span></div>\n");

    private static string Signed(double? value) => value is { } v
        ? v.ToString("+0.000;-0.000", CultureInfo.InvariantCulture) : "";

    private static string Style()
    {
        using var stream = typeof(HtmlReport).Assembly.GetManifestResourceStream("report.css")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
