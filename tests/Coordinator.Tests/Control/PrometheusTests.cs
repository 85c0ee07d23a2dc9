using System.Globalization;
using System.Text.RegularExpressions;
using AlignProp.Coordinator.Runs;
using AlignProp.Coordinator.Tests.Reports;
using AlignProp.Messages;
using AlignProp.Web.Control;
using AlignProp.Web.Status;

namespace AlignProp.Coordinator.Tests.Control;

/// <summary>/metrics read by the rules of the text format, line by line.</summary>
public sealed partial class PrometheusTests
{
    [Fact]
    public async Task Everything_is_told_in_prometheus_own_format()
    {
        await using var server = await TestServer.StartAsync();
        server.Report(new RunLed(2, "here", "there"), new RunStarted("made-up", 0, 4, 8, 2, 100),
            ReportFolder.Step(1, loss: double.PositiveInfinity), ReportFolder.Evaluation(1, 4.6),
            NodeEvents.Joined("node-1/cpu:0", "node-1/cpu:1"), NodeEvents.Timed("node-1/cpu:0", 0),
            NodeEvents.Timed("node-1/cpu:0", 1),
            NodeEvents.DeviceChanged("node-1/cpu:1", NodeState.Silent, "shard 1 is leased again"),
            new ChunkSent(65536),
            new ShardRefused(DeviceId.Parse("node-1/cpu:1"), 1, 1, "NaN"));
        var samples = Read(await server.Client.GetStringAsync(new Uri("/metrics", UriKind.Relative)));
        var run = $"run=\"{server.Run.Id}\"";
        foreach (var (name, value) in new Dictionary<string, double>
        {
            [$"alignprop_step{{{run}}}"] = 1,
            [$"alignprop_reward{{{run}}}"] = 4.01,
            [$"alignprop_heldout_reward{{{run}}}"] = 4.6,
            [$"alignprop_loss{{{run}}}"] = double.PositiveInfinity,
            [$"alignprop_grad_norm{{{run}}}"] = 1.5,
            [$"alignprop_step_seconds{{{run}}}"] = 1.25,
            [$"alignprop_phase_seconds_total{{{run},phase=\"backward\"}}"] = 6,
            [$"alignprop_shards_done_total{{{run},node=\"node-1\",device=\"cpu:0\"}}"] = 2,
            [$"alignprop_shards_failed_total{{{run},node=\"node-1\",device=\"cpu:1\"}}"] = 1,
            [$"alignprop_leases_expired_total{{{run},node=\"node-1\",device=\"cpu:1\"}}"] = 1,
            [$"alignprop_devices{{{run},state=\"idle\"}}"] = 1,
            [$"alignprop_devices{{{run},state=\"silent\"}}"] = 1,
            [$"alignprop_sent_bytes_total{{{run}}}"] = 65536,
            [$"alignprop_received_bytes_total{{{run}}}"] = 2000,
            [$"alignprop_elections_total{{{run}}}"] = 1,
            [$"alignprop_takeovers_total{{{run}}}"] = 0,
            [$"alignprop_coordinator_term{{{run}}}"] = 2,
            [$"alignprop_journal_reachable{{{run}}}"] = 1,
        })
        {
            Assert.True(samples.TryGetValue(name, out var told), $"{name} is missing");
            Assert.Equal(value, told);
        }
    }

    [Fact]
    public void A_standby_that_is_elected_has_taken_over()
    {
        var picture = new RunPicture("r", "n", "h",
            DateTimeOffset.UnixEpoch)
        { Phase = "standby" }.Apply(new RunLed(3, "here", "there"), DateTimeOffset.UnixEpoch);
        Assert.Equal(1, picture.Totals.Takeovers);
        Assert.Contains("# TYPE alignprop_takeovers_total counter", Render(picture), StringComparison.Ordinal);
    }

    [Fact]
    public void Labels_are_escaped() => Assert.Contains("""name="a \"b\\c\nd" """.TrimEnd(),
        Render(new RunPicture("r", "a \"b\\c\nd", "h", DateTimeOffset.UnixEpoch)), StringComparison.Ordinal);

    private static string Render(RunPicture picture)
    {
        using var meter = new RunMeter(() => picture, () => DateTimeOffset.UnixEpoch);
        return PrometheusText.Render(meter.Meter);
    }

    /// <summary>Every family once, with help and type before its samples.</summary>
    private static Dictionary<string, double> Read(string text)
    {
        Assert.EndsWith("\n", text);
        var (samples, families, current) = (new Dictionary<string, double>(), new HashSet<string>(), "");
        foreach (var line in text.TrimEnd('\n').Split('\n'))
        {
            if (line.StartsWith("# HELP ", StringComparison.Ordinal))
            {
                current = line.Split(' ')[2];
                Assert.True(families.Add(current), $"{current} twice");
                continue;
            }
            if (line.StartsWith("# TYPE ", StringComparison.Ordinal))
            {
                Assert.Matches($"^# TYPE {current} (gauge|counter)$", line);
                continue;
            }
            var match = Sample().Match(line);
            Assert.True(match.Success, line);
            Assert.Equal(current, match.Groups[1].Value);
            var value = match.Groups[3].Value;
            samples.Add(match.Groups[1].Value + match.Groups[2].Value, value == "+Inf" ? double.PositiveInfinity
                : double.Parse(value, CultureInfo.InvariantCulture));
        }
        return samples;
    }

    [GeneratedRegex("""^([a-z_]+)(\{[a-z]+="(?:[^"\\\n]|\\.)*"(?:,[a-z]+="(?:[^"\\\n]|\\.)*")*\}) (NaN|[+-]Inf|[-+0-9.eE]+)$""")]
    private static partial Regex Sample();
}
