using System.Net;
using System.Text.Json;
using AlignProp.Coordinator.Runs;
using AlignProp.Coordinator.Tests.Reports;
using AlignProp.Messages;
using AlignProp.Web.Status;
using SkiaSharp;

namespace AlignProp.Coordinator.Tests.Control;

/// <summary>The HTTP API over a socket: what it answers to a run's events, and what it refuses.</summary>
public sealed class ApiTests
{
    private static readonly RunStarted Started = new("made-up", 0, 4, 8, 2, 100);

    private static readonly EvaluatedSample Cat = new("a cat", false, ulong.MaxValue, 4.5, ReportFolder.Image(SKColors.Red));

    [Fact]
    public async Task The_run_is_what_its_events_tell()
    {
        await using var server = await TestServer.StartAsync();
        Assert.Equal("starting", (await server.GetAsync("/api/run")).GetProperty("state").GetString());

        server.Report(new RunLed(1, "akka.tcp://alignprop@127.0.0.1:4053", null), Started, ReportFolder.Evaluation(0, 4.0, Cat),
            ReportFolder.Step(1), ReportFolder.Step(2, loss: double.NaN),
            ReportFolder.Evaluation(2, 4.6, Cat), new ShardsChanged(3, false, 1, 1, 2, 0.75));
        var run = await server.GetAsync("/api/run");
        Assert.Equal(("running", 2, 8, 1, 2),
            (run.GetProperty("state").GetString(), run.GetProperty("step").GetInt32(), run.GetProperty("maxSteps").GetInt32(),
            run.GetProperty("epoch").GetInt32(), run.GetProperty("epochs").GetInt32()));
        Assert.Equal([4.01, 4.02], run.GetProperty("rewardTrend").EnumerateArray().Select(v => v.GetDouble()));
        Assert.Equal((4.0, 4.6, 0.4),
            (run.GetProperty("heldOut").GetProperty("first").GetDouble(),
            run.GetProperty("heldOut").GetProperty("last").GetDouble(),
            run.GetProperty("heldOut").GetProperty("diversity").GetDouble()));
        Assert.Equal(0.75, run.GetProperty("shards").GetProperty("fraction").GetDouble());
        Assert.Equal(1.25 * 6, run.GetProperty("secondsLeft").GetDouble());
        Assert.Equal("akka.tcp://alignprop@127.0.0.1:4053", run.GetProperty("coordinator").GetString());

        var metrics = await server.GetAsync("/api/metrics");
        Assert.Equal(["evaluation 0", "step 1", "step 2", "evaluation 2"],
            metrics.EnumerateArray().Select(l => $"{l.GetProperty("kind").GetString()} {l.GetProperty("step").GetInt32()}"));
        Assert.Equal("NaN",
            metrics.EnumerateArray().Last(l => l.GetProperty("kind").GetString() == "step").GetProperty("loss").GetString());
        Assert.Equal([2, 2],
            (await server.GetAsync("/api/metrics?after=1")).EnumerateArray().Select(l => l.GetProperty("step").GetInt32()));
    }

    [Theory]
    [InlineData("evaluating")]
    [InlineData("paused")]
    [InlineData("ended")]
    [InlineData("failed")]
    public async Task Every_state_has_its_name(string state)
    {
        await using var server = await TestServer.StartAsync();
        server.Report(Started);
        server.Report(state switch
        {
            "evaluating" => new ShardsChanged(0, true, 0, 1, 4, 0.1),
            "paused" => new RunSteered(SteeringState.Paused, 3, "paused after step 3"),
            "ended" => new RunStopped("made-up", 8, "all 8 steps done", "ab"),
            _ => new RunFailed("made-up", 2, "shard 1 failed everywhere"),
        });
        Assert.Equal(state, (await server.GetAsync("/api/run")).GetProperty("state").GetString());
    }

    [Fact]
    public async Task Devices_are_followed_from_joining_to_leaving()
    {
        await using var server = await TestServer.StartAsync();
        server.Report(Started, NodeEvents.Joined("node-1/cpu:0", "node-1/cpu:1"),
            NodeEvents.Changed("node-2", NodeState.Refused, "another version"),
            NodeEvents.Heard("node-1/cpu:0", new DeviceWork(1, 1, false, "backward", 0.5)), NodeEvents.Timed("node-1/cpu:1", 0),
            new ShardRefused(DeviceId.Parse("node-1/cpu:1"), 1, 1, "NaN"),
            NodeEvents.DeviceChanged("node-1/cpu:1", NodeState.Benched, "NaN"), NodeEvents.Heard("node-1/cpu:1", null));
        var nodes = (await server.GetAsync("/api/nodes")).Deserialize<List<NodeStatus>>(RunHistory.Json)!;
        Assert.Equal(["node-1 cpu:0 computing", "node-1 cpu:1 benched", "node-2  refused"],
            nodes.Select(n => $"{n.Node} {n.Device} {n.State.Text()}"));
        Assert.Equal((1, 0.5), (nodes[0].Shard, nodes[0].Fraction));
        Assert.Equal((1, 1, 4_000_000L), (nodes[1].ShardsDone, nodes[1].Failures, nodes[1].PeakMemory));
        Assert.True(nodes[1].ShardsPerMinute > 0);

        server.Report(NodeEvents.Changed("node-1", NodeState.Leaving, "finishes its shard"),
            NodeEvents.DeviceChanged("node-1/cpu:0", NodeState.Left, "drained"), NodeEvents.Joined("node-1/cpu:1"));
        nodes = (await server.GetAsync("/api/nodes")).Deserialize<List<NodeStatus>>(RunHistory.Json)!;
        Assert.Equal([NodeState.Left, NodeState.Idle, NodeState.Refused], nodes.Select(n => n.State));
    }

    [Fact]
    public async Task Events_are_kept_in_order_with_their_kind_and_survive_the_coordinator()
    {
        await using var server = await TestServer.StartAsync();
        server.Report(Started, NodeEvents.DeviceChanged("node-1/cpu:0", NodeState.Lost, "its shards are leased again"),
            new RunNotice("paused: the journal is away", NoticeKind.JournalAway),
            new RunNotice("paused: the journal is away", NoticeKind.JournalAway),
                new RunStopped("made-up", 0, "stopped by user", "ab"));
        var events = (await server.GetAsync("/api/events")).Deserialize<List<EventEntry>>(RunHistory.Json)!;
        Assert.Equal(["1 run", "2 failure", "3 journal", "4 run"], events.Select(e => $"{e.Number} {e.Kind}"));
        var later = new RunMonitor(server.Run, "made-up", live: false);
        Assert.Equal(events.Select(e => e.Text), later.Events.Select(e => e.Text));
        Assert.Equal(("ended", "stopped by user"), (later.Status().State, later.Status().Reason));
        Assert.Equal("node-1 cpu:0 lost", later.Nodes().Select(n => $"{n.Node} {n.Device} {n.State.Text()}").Single());
    }

    [Fact]
    public async Task Steps_are_among_the_events_and_do_not_drive_out_the_others()
    {
        await using var server = await TestServer.StartAsync();
        server.Report(Started, ReportFolder.Step(1));
        var entry = (await server.GetAsync("/api/events")).EnumerateArray().Last();
        Assert.Equal(("step", "step 1: reward 4.010 ± 0.300, gradient norm 1.500, 1.2 s"),
            (entry.GetProperty("kind").GetString(), entry.GetProperty("text").GetString()));

        server.Report([.. Enumerable.Range(2, 700).Select(i => ReportFolder.Step(i))]);
        foreach (var events in new[] { server.Monitor.Events, new RunMonitor(server.Run, "made-up", live: false).Events })
        {
            Assert.Equal(1 + RunHistory.KeptSteps, events.Count);
            Assert.StartsWith("started", events[0].Text);
            Assert.StartsWith("step 701:", events[^1].Text);
            Assert.Equal([1, .. Enumerable.Range(503, RunHistory.KeptSteps)], events.Select(e => e.Number));
        }
    }

    [Fact]
    public async Task A_run_whose_coordinator_was_killed_is_shown_as_interrupted_and_a_resumed_one_remembers()
    {
        await using var server = await TestServer.StartAsync();
        server.Report(Started, ReportFolder.Evaluation(0, 4.0, Cat), ReportFolder.Step(1));
        Assert.Equal("interrupted", new RunMonitor(server.Run, "made-up", live: false).Status().State);
        var resumed = new RunMonitor(server.Run, "made-up").Status();
        Assert.Equal(("starting", 1, 4.01, 4.0), (resumed.State, resumed.Step, resumed.Reward, resumed.HeldOut?.First));
        Assert.Equal(server.Monitor.Status().StartedAt, resumed.StartedAt);
    }

    [Fact]
    public async Task Pictures_are_listed_and_served()
    {
        await using var server = await TestServer.StartAsync();
        server.Report(Started, ReportFolder.Evaluation(0, 4.0, Cat),
            ReportFolder.Evaluation(4, 5.0, Cat with { Reward = 5, Image = ReportFolder.Image(SKColors.Blue, 600) }));
        var sets = (await server.GetAsync("/api/images")).Deserialize<List<ImageSet>>(RunHistory.Json)!;
        Assert.Equal([0, 4], sets.Select(s => s.Step));
        Assert.Equal(("a cat", ulong.MaxValue, 5.0, "/api/images/4/0.png"),
            (sets[1].Images[0].Prompt, sets[1].Images[0].Seed, sets[1].Images[0].Reward, sets[1].Images[0].Url));
        Assert.Equal(ReportFolder.Picture(SKColors.Red),
            await server.Client.GetByteArrayAsync(new Uri("/api/images/0/0.png", UriKind.Relative)));
        using var small =
            SKBitmap.Decode(await server.Client.GetByteArrayAsync(new Uri(sets[1].Images[0].Url, UriKind.Relative)));
        Assert.Equal((256, 256), (small.Width, small.Height));
        var missing = await server.Client.GetAsync(new Uri("/api/images/4/7.png", UriKind.Relative));
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
        Assert.Contains("/api/images lists what is", (await TestServer.ReplyAsync(missing)).Detail);
    }

    [Fact]
    public async Task Commands_reach_the_run_and_say_what_happened()
    {
        await using var server = await TestServer.StartAsync();
        Assert.Contains("starting", (await TestServer.ReplyAsync(await server.PostAsync("/api/pause"))).Detail);
        server.Report(Started);

        foreach (var path in new[] { "/api/pause", "/api/continue", "/api/stop", "/api/drain/node-1" })
        {
            Assert.True((await TestServer.ReplyAsync(await server.PostAsync(path))).Ok);
        }
        Assert.Equal(["Pause", "Continue", "Stop", "drain node-1"], server.Asked);
        var unknown = await server.PostAsync("/api/drain/node-7");
        Assert.Equal(HttpStatusCode.Conflict, unknown.StatusCode);
        Assert.Equal((false, "node-7: no such node; nodes: node-1"), await TestServer.ReplyAsync(unknown));

        server.Report(new RunStopped("made-up", 0, "stopped by user", "ab"));
        var over = await server.PostAsync("/api/pause");
        Assert.Equal(HttpStatusCode.Conflict, over.StatusCode);
        Assert.Contains("the run is over", (await TestServer.ReplyAsync(over)).Detail);
    }

    [Theory]
    [InlineData("/api/nothing", HttpStatusCode.NotFound, "no such page")]
    [InlineData("/assets/../../etc/passwd", HttpStatusCode.NotFound, "no such page")]
    [InlineData("/assets/nothing.js", HttpStatusCode.NotFound, "no such file")]
    [InlineData("/api/metrics?after=x", HttpStatusCode.BadRequest, "after")]
    [InlineData("/api/pause", HttpStatusCode.MethodNotAllowed, "expected POST")]
    [InlineData("/api/config", HttpStatusCode.NotFound, "has no run.conf")]
    public async Task What_is_not_there_is_said_in_json(string path, HttpStatusCode status, string detail)
    {
        await using var server = await TestServer.StartAsync();
        var response = await server.Client.GetAsync(new Uri(path, UriKind.Relative));
        Assert.Equal(status, response.StatusCode);
        var reply = await TestServer.ReplyAsync(response);
        Assert.False(reply.Ok);
        Assert.Contains(detail, reply.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Health_follows_the_run()
    {
        await using var server = await TestServer.StartAsync();
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.ServiceUnavailable),
            (await StatusAsync("/health/live"), await StatusAsync("/health/ready")));
        server.Report(Started);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync("/health/ready"));
        server.Report(new RunNotice("the journal cannot be read", NoticeKind.JournalAway));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await StatusAsync("/health/ready"));
        server.Report(Started);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync("/health/ready"));
        server.IsJoined = false;
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await StatusAsync("/health/ready"));
        using var away = await server.Client.GetAsync(new Uri("/health/ready", UriKind.Relative));
        Assert.Equal("not in the cluster\n", await away.Content.ReadAsStringAsync());
        using var standby = new RunMonitor(server.Run, "made-up", standby: true);
        Assert.Equal("standing by", Health.Run(standby.Picture).Description);

        async Task<HttpStatusCode> StatusAsync(string path) => (await server.Client.GetAsync(new Uri(path, UriKind.Relative)))
            .StatusCode;
    }
}
