using AlignProp.Cli.Display;
using AlignProp.Coordinator.Runs;
using AlignProp.Web.Status;

namespace AlignProp.Coordinator.Tests.Verbs;

/// <summary>A run on one screen.</summary>
public sealed class ScreenTests
{
    private static readonly LiveStatus Status = new(
        new RunStatus("a-run-with-a-long-name-20260101-120000-1a2b", "a-run", "running", null, 9, 20, 2, 4,
            new ShardStatus(10, false, 1, 1, 2, 0.5), 0.512, [0, 0.5, 1], new HeldOutStatus(-0.4, 0.4, 0.81),
            0.31, 3.1, 34.1, new string('a', 64), "akka.tcp://alignprop@127.0.0.1:4053", "host", DateTimeOffset.UnixEpoch),
        [new NodeStatus("node-1", "cpu:0", NodeState.Computing, "step 10, backward", 1, 0.5, 7, 12.1, 0, 351L << 20,
            DateTimeOffset.UnixEpoch),
            new NodeStatus("stranger", "", NodeState.Refused, "its model is another", null, 0, 0, 0, 0, 0,
            DateTimeOffset.UnixEpoch)],
        [new EventEntry(1, DateTimeOffset.UnixEpoch, "node", "node-1 joined")]);

    [Theory]
    [InlineData(40)]
    [InlineData(60)]
    [InlineData(80)]
    [InlineData(200)]
    public void No_line_is_longer_than_the_terminal_is_wide(int width)
    {
        var lines = RunScreen.Lines(Status, width);
        Assert.All(lines, l => Assert.InRange((l.Key.Length == 0 ? 0 : 9) + l.Text.Length, 0, width));
        Assert.Contains(lines, l => l.Key == "step" && l.Text.Contains("9 of 20", StringComparison.Ordinal));
        Assert.Contains(lines, l => l.Text.Contains("node-1/cpu:0", StringComparison.Ordinal)
            && l.Text.Contains("computing", StringComparison.Ordinal));
        Assert.Contains(lines, l => l.Text.Contains("refused", StringComparison.Ordinal) && l.Style == "red");
    }

    [Fact]
    public void In_eighty_columns_everything_is_told()
    {
        var text = string.Join('\n', RunScreen.Lines(Status, 80).Select(l => $"{l.Key} {l.Text}"));
        foreach (var part in (string[])["3.1 s each   0:00:34 left", "1 of 2   1 in work, step 10", "0.512   ▁▅█",
            "start -0.400, +0.800", "diversity 0.810", "12.1    351 MB", "node-1 joined"])
        {
            Assert.Contains(part, text);
        }
    }

    [Fact]
    public void A_run_that_has_not_begun_has_a_screen_too() =>
        Assert.NotEmpty(
            RunScreen.Lines(
            Status with
            {
                Run = Status.Run with
                {
                    MaxSteps = 0,
                    Epochs = 0,
                    Shards = null,
                    Reward = null,
                    HeldOut = null,
                    RewardTrend = []
                },
                Nodes = [],
                Events = []
            }, 80));

    [Theory]
    [InlineData(new[] { 1.0, 1.0 }, "▄▄")]
    [InlineData(new[] { double.NaN, 0.0, 1.0 }, "▁█")]
    [InlineData(new double[0], "")]
    public void A_trend_is_drawn(double[] values, string expected) => Assert.Equal(expected, RunScreen.Sparkline(values, 10));
}
