using System.Text.Json;
using System.Text.RegularExpressions;
using AlignProp.Cli.Commands;
using AlignProp.Coordinator.Tests.Reports;
using AlignProp.Coordinator.Tests.Verbs;
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
        var markup = page[..page.IndexOf("<script", StringComparison.Ordinal)];
        Assert.All(References().Matches(markup).Select(m => m.Groups[1].Value),
            reference => Assert.StartsWith("data:image/png;base64,", reference));
        Assert.DoesNotContain("<script src", page);
        Assert.DoesNotContain("://", page);
        Assert.DoesNotContain("@import", page);
        Assert.DoesNotMatch("(?m)^(import|export) ", page);
        Assert.Equal(4, References().Count(markup));
        Assert.Contains(Convert.ToBase64String(ReportFolder.Picture(SKColors.Blue)), page);
        Assert.Contains("<b class=\"up\">3.900 &#177; 0.200</b>", page);
        Assert.Contains("before training -0.400 &#177; 0.200", page);
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
    public void Prompts_and_rewards_are_text_never_markup()
    {
        MetricsLog.Append(_run.Run.Metrics, new MetricsLine(MetricsLine.StepKind, 2, 1, double.NaN, 0.1,
            Reason: "</script><b>bold",
            Rewards: new Dictionary<string, TermLine> { ["</script><b>bold"] = new(1, 0) }));
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
    public void The_curves_data_are_the_metrics()
    {
        var page = HtmlReport.Render(RunRecord.Read(_run.Run));
        using var told = JsonDocument.Parse(Told().Match(page).Groups[1].Value);
        Assert.Equal(20, told.RootElement.GetProperty("chainLength").GetInt32());
        var run = Assert.Single(told.RootElement.GetProperty("runs").EnumerateArray());
        Assert.Equal(FinishedRun.Id, run.GetProperty("name").GetString());
        Assert.Equal(["evaluation", "step", "evaluation", "stop"],
            run.GetProperty("lines").EnumerateArray().Select(l => l.GetProperty("kind").GetString()!));
        Assert.Equal(0.001, run.GetProperty("lines")[1].GetProperty("learningRate").GetDouble());
    }

    [Fact]
    public async Task Two_runs_are_compared_in_one_page_and_a_file_is_no_run()
    {
        var path = _run.In("compare.html");
        var (code, output, error) = await CommandLine.RunAsync("compare", FinishedRun.Id, FinishedRun.Id, "--runs", _run.Runs,
            "--out", path);
        Assert.True(code == 0, error);
        Assert.Contains("3.900 ± 0.200", output);
        Assert.Contains(path, output);
        var page = File.ReadAllText(path);
        Assert.Equal(2, JsonDocument.Parse(Told().Match(page).Groups[1].Value).RootElement.GetProperty("runs").GetArrayLength());
        Assert.Equal(2, Regex.Count(page, "<figure "));
        Assert.DoesNotContain("://", page);

        var refused = _run.In("refused.html");
        (code, _, error) = await CommandLine.RunAsync("compare", FinishedRun.Id, _run.Run.Adapter, "--runs", _run.Runs,
            "--out", refused);
        Assert.Equal(2, code);
        Assert.Contains($"--out {refused}: a page compares the curves of two runs, and {_run.Run.Adapter} is an adapter file",
            error);
        Assert.False(File.Exists(refused));
    }

    [GeneratedRegex("<script type=\"application/json\" id=\"told\">(.*?)</script>")]
    private static partial Regex Told();

    [GeneratedRegex("(?:src|href|url)\\s*[=(]\\s*[\"']?([^\"')>]*)")]
    private static partial Regex References();
}
