using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using AlignProp.Reports.Charts;

namespace AlignProp.Reports.Html;

/// <summary>
/// One HTML file that asks nobody for anything: to be mailed, printed, kept. Its policy forbids the browser any request.
/// </summary>
internal sealed class HtmlPage
{
    private const string Policy =
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; form-action 'none'";

    private readonly StringBuilder _text = new();

    public HtmlPage(string title)
    {
        _text.Append("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
            + "content=\"width=device-width, initial-scale=1\">\n");
        Add($"<meta http-equiv=\"Content-Security-Policy\" content=\"{Policy}\">\n<title>{Text(title)}</title>\n"
            + $"<style>\n{Resource("report.css")}{ChartAssets.Style}</style>\n</head>\n<body>\n<main>\n");
    }

    public void Add(string html) => _text.Append(html);

    /// <summary>Nothing where there is no content.</summary>
    public void Section(string title, string content)
    {
        if (content.Length > 0)
        {
            Add($"<section>\n<h2>{title}</h2>\n{content}</section>\n");
        }
    }

    public void Tile(string value, string label, string style = "") =>
        Add($"<div class=\"tile\"><b class=\"{style}\">{Text(value)}</b><span>{Text(label)}</span></div>\n");

    /// <summary>The whole file.</summary>
    /// <param name="runs">What the curves are drawn of; the first one's pictures are in the page.</param>
    public string End(IReadOnlyList<(string Name, RunRecord Run)> runs)
    {
        // The hashes of adapters are told elsewhere, and would be half of the data.
        var told = JsonSerializer.Serialize(new
        {
            Runs = runs.Select(r => new { r.Name, Lines = r.Run.Lines.Select(l => l with { Adapter = null }) }),
            ChainLength = int.TryParse(runs[0].Run.Value("sampling.steps"), NumberStyles.None, CultureInfo.InvariantCulture,
                out var steps) ? steps : 0,
        }, MetricsLog.Options);
        Add($"<script type=\"application/json\" id=\"told\">{told}</script>\n"
            + $"<script type=\"module\">\n{ChartAssets.Script}{Resource("page.js")}</script>\n</main>\n</body>\n</html>\n");
        return _text.ToString();
    }

    /// <summary>Where the script draws the curves.</summary>
    public const string Curves =
        "<div id=\"curves\"></div><noscript><p class=\"quiet\">The curves are drawn by the script in this file.</p></noscript>\n";

    internal static string Text(string text) => WebUtility.HtmlEncode(text);

    internal static string Number(double? value, string format = "F3") => value is { } v
        ? v.ToString(format, CultureInfo.InvariantCulture) : "–";

    /// <summary>A mean and its standard deviation.</summary>
    internal static string Spread(MetricsLine? line) => line?.RewardMean is null ? "–"
        : line.RewardStd is null ? Number(line.RewardMean) : $"{Number(line.RewardMean)} ± {Number(line.RewardStd)}";

    private static string Resource(string name)
    {
        using var stream = typeof(HtmlPage).Assembly.GetManifestResourceStream(name)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
