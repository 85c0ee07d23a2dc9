using AlignProp.Coordinator.Runs;
using AlignProp.Reports;

namespace AlignProp.Coordinator.Tests.Reports;

public sealed class MetricsLogTests : IDisposable
{
    private readonly ReportFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private void Append(params RunProgress[] events)
    {
        foreach (var e in events)
        {
            MetricsLog.Append(_folder.Run.Metrics, MetricsLine.Of(e)!);
        }
    }

    [Fact]
    public void What_was_appended_is_read_back_without_pictures()
    {
        Append(ReportFolder.Evaluation(0, 4.5, new EvaluatedSample("a cat", true, 7, 4.5, new RgbImage([1, 2, 3], 1, 1))),
            ReportFolder.Step(1), new RunStopped("r", 1, "max steps", "cd"));
        Assert.Equal(3, File.ReadAllLines(_folder.Run.Metrics).Length);
        Assert.DoesNotContain("image", File.ReadAllText(_folder.Run.Metrics), StringComparison.OrdinalIgnoreCase);

        var lines = MetricsLog.Read(_folder.Run.Metrics);
        Assert.Equal(new MetricsLine(MetricsLine.EvaluationKind, 0, 0, 4.5, 0.2, 0.4), lines[0]);
        Assert.Equal((MetricsLine.StepKind, 1, 4.01, 0.5, "ab"),
            (lines[1].Kind, lines[1].Step, lines[1].RewardMean, lines[1].Loss, lines[1].Adapter));
        Assert.Equal([2, 5], lines[1].Truncations);
        Assert.Equal(new MetricsLine(MetricsLine.StopKind, 1, 0, null, null, Adapter: "cd", Reason: "max steps"), lines[2]);
    }

    [Fact]
    public void A_torn_last_line_is_ignored_and_the_next_one_is_not_lost()
    {
        Append(ReportFolder.Step(1), ReportFolder.Step(2));
        var text = File.ReadAllText(_folder.Run.Metrics);
        File.WriteAllText(_folder.Run.Metrics, text[..^20]);
        Assert.Equal([1], MetricsLog.Read(_folder.Run.Metrics).Select(l => l.Step));
        Append(ReportFolder.Step(2), ReportFolder.Step(3));
        Assert.Equal([1, 2, 3], MetricsLog.Read(_folder.Run.Metrics).Select(l => l.Step));
    }

    [Fact]
    public void Of_a_step_told_twice_the_last_counts()
    {
        Append(ReportFolder.Step(1, loss: 1), ReportFolder.Step(1, loss: 2));
        Assert.Equal(2, Assert.Single(MetricsLog.Read(_folder.Run.Metrics)).Loss);
    }

    [Fact]
    public void A_loss_that_is_no_number_is_logged()
    {
        Append(ReportFolder.Step(1, loss: double.NaN), ReportFolder.Step(2, loss: double.PositiveInfinity));
        Assert.Equal([double.NaN, double.PositiveInfinity], MetricsLog.Read(_folder.Run.Metrics).Select(l => l.Loss!.Value));
    }

    [Fact]
    public void Lines_of_older_versions_are_read_and_their_table_has_gaps()
    {
        File.WriteAllText(_folder.Run.Metrics,
            """{"kind":"step","step":1,"epoch":1,"rewardMean":0.5,"rewardStd":0.1,"loss":"NaN","seconds":2}""" + "\n");
        var line = Assert.Single(MetricsLog.Read(_folder.Run.Metrics));
        Assert.Equal((null, null, null, null), (line.Time, line.LearningRate, line.Samples, line.PeakMemory));
        Assert.Equal("step,1,1,,0.5,0.1,,NaN,,,,2,,,,", MetricsCsv.Render([line]).Split("\r\n")[1]);
    }

    [Fact]
    public void What_a_spreadsheet_would_take_for_more_cells_is_quoted()
    {
        var csv = MetricsCsv.Render([new MetricsLine(MetricsLine.EvaluationKind, 2, 1, 0.5, 0.1, 0.4,
            Rewards: new Dictionary<string, TermLine> { ["a, \"b\""] = new(1, 0.25) }),
            new MetricsLine(MetricsLine.StopKind, 2, 0, null, null, Reason: "stopped\nby user",
                Time: DateTimeOffset.UnixEpoch)]).Split("\r\n");
        Assert.EndsWith("reason,\"a, \"\"b\"\"_mean\",\"a, \"\"b\"\"_std\"", csv[0]);
        Assert.Equal("evaluation,2,1,,0.5,0.1,0.4,,,,,,,,,,1,0.25", csv[1]);
        Assert.Equal("stop,2,0,1970-01-01T00:00:00.0000000Z,,,,,,,,,,,,\"stopped\nby user\",,", csv[2]);
        Assert.Equal("", csv[3]);
    }

    [Fact]
    public void No_file_is_no_lines() => Assert.Empty(MetricsLog.Read(_folder.Run.Metrics));
}
