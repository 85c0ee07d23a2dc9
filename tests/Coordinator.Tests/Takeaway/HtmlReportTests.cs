using System.Text.RegularExpressions;
using System.Xml;
using AlignProp.Cli.Commands;
using AlignProp.Coordinator.Tests.Reports;
using AlignProp.Reports;
using AlignProp.Reports.Html;
using SkiaSharp;

namespace AlignProp.Coordinator.Tests.Takeaway;

public sealed partial class HtmlReportTests : IDisposable
{
    private readonly FinishedRun _run = new();

    public void Dispose() => _run.Dispose();

    [Fact]
    public async Task The_page_refers_to_nothing_outside_itself_and_has_all_that_is_known()
    {
        using var output = new StringWriter();
        Assert.Equal(0,
            await AlignPropCommand.InvokeAsync(["report", FinishedRun.Id, "--runs", _run.Runs], output, TextWriter.Null, false,
            CancellationToken.None));
        var path = Path.Combine(_run.Run.Folder, "report.html");
        Assert.Equal(path, output.ToString().Trim());
        var page = File.ReadAllText(path);
        Assert.All(References().Matches(page).Select(m => m.Groups[1].Value),
            reference => Assert.StartsWith("data:image/png;base64,", reference));
        Assert.DoesNotContain("<script", page);
        Assert.DoesNotContain("http", page);
        Assert.DoesNotContain("@import", page);
        Assert.Equal(4, References().Count(page));
        Assert.Contains(Convert.ToBase64String(ReportFolder.Picture(SKColors.Blue)), page);
        Assert.Contains("-0.400 → 3.900", page);
        Assert.Contains(_run.Adapter.Sha256, page);
        Assert.Contains("all 1 steps done", page);
        Assert.Contains("<td>optimizer.learning-rate</td><td>0.001</td>", page);
        Assert.Contains("held out", page);
        foreach (var section in new[] { "Before and after", "Curves", "Evaluations", "Devices and time", "Configuration",
            "Hashes", "Environment" })
        {
            Assert.Contains($"<h2>{section}</h2>", page);
        }
    }

    [Fact]
    public void Prompts_are_text_never_markup()
    {
        var page = HtmlReport.Render(RunRecord.Read(_run.Run));
        Assert.Contains("a &lt;b&gt;bold&lt;/b&gt; &amp; quoted &quot;cat&quot;", page);
        Assert.DoesNotContain("<b>bold", page);
    }

    [Fact]
    public void Failures_devices_and_progression_are_told_where_they_are_kept()
    {
        Assert.DoesNotContain("<h2>Progression", HtmlReport.Render(RunRecord.Read(_run.Run)));
        File.WriteAllText(Path.Combine(_run.Run.Folder, "events.jsonl"),
            """{"number":1,"time":"2026-01-02T03:04:05Z","kind":"failure","text":"node-2 lost: <killed>"}"""
                + "\n{\"number\":2,\"time\":\"2026-01-");
        File.WriteAllText(Path.Combine(_run.Run.Folder, "status.json"), """
            {"run":{},"nodes":[
              {"node":"node-1","device":"cpu:0","state":"idle","shardsDone":31,"shardsPerMinute":14.5,"failures":2,
               "peakMemory":419430400}]}
            """);
        foreach (var step in new[] { 0, 1, 2 })
        {
            PictureSet.Save(Path.Combine(_run.Run.Folder, "pictures", "evaluations", $"{step:D6}"),
                RunRecord.Read(_run.Run).After);
        }
        var page = HtmlReport.Render(RunRecord.Read(_run.Run));
        Assert.Contains("<td>2026-01-02 03:04:05</td><td>failure</td><td>node-2 lost: &lt;killed&gt;</td>", page);
        Assert.Contains("<td>31</td><td>14.5</td><td>2</td><td>400 MB</td>", page);
        Assert.Contains("<th>prompt</th><th>base</th><th>step 1</th><th>step 2</th>", page);
    }

    [Fact]
    public void Charts_are_well_formed_and_survive_values_that_are_none()
    {
        var svg = SvgChart.Lines("a & b", "step", 400, 200, false,
            new ChartLine("one", "held", [(0, 1, 0.5), (1, double.NaN, null), (2, 3, double.PositiveInfinity)], true));
        var xml = new XmlDocument();
        xml.LoadXml(svg);
        Assert.Equal(2, xml.GetElementsByTagName("circle").Count);
        Assert.DoesNotContain("NaN", svg);
        Assert.Equal("", SvgChart.Lines("none", "step", 400, 200, false, new ChartLine("one", "held", [])));
        new XmlDocument().LoadXml(SvgChart.Bars("b", "K", 400, 200, [("1", 3), ("2", 0)]));
    }

    [Theory]
    [InlineData(-4, 6, 5, new double[] { -4, -2, 0, 2, 4, 6 })]
    [InlineData(0.748, 0.858, 5, new double[] { 0.76, 0.78, 0.8, 0.82, 0.84 })]
    [InlineData(0, 20, 8, new double[] { 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20 })]
    [InlineData(3, 3, 5, new double[] { 3 })]
    public void Ticks_are_round(double low, double high, int about, double[] expected) =>
        Assert.Equal(expected, SvgChart.Ticks(low, high, about));

    [GeneratedRegex("(?:src|href|url)\\s*[=(]\\s*[\"']?([^\"')>]*)")]
    private static partial Regex References();
}
