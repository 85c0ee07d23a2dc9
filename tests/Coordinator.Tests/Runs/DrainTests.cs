using AlignProp.Cli.Commands;
using AlignProp.Coordinator.Runs;
using AlignProp.Web.Control;
using AlignProp.Web.Status;

namespace AlignProp.Coordinator.Tests.Runs;

/// <summary>Nodes that leave in order: their shard is finished and handed in, nothing is computed twice.</summary>
public sealed class DrainTests : IDisposable
{
    private readonly TestRuns _runs = new();

    public void Dispose() => _runs.Dispose();

    [Fact]
    public async Task A_node_that_is_told_to_terminate_and_one_that_is_drained_finish_their_shard_and_leave()
    {
        await using var run = await LiveRun.StartAsync(_runs, "drained");
        File.WriteAllText(run.Directory.Config, "");
        var monitor = new RunMonitor(run.Directory, "test");
        await using var server = await ControlServer.StartAsync(new HttpSettings("127.0.0.1", "127.0.0.1", 0, null, null),
            monitor, () => run.Host);
        File.WriteAllText(run.Directory.Url, server.Url);
        var (terminated, drained) = (run.Node("terminated", delay: "500ms"), run.Node("drained", delay: "500ms"));
        await terminated.UntilAsync(n => n.Shards.Any(s => s is { Step: 1, Evaluation: false }));
        monitor.Report(run.Record.All<RunStarted>().Single());
        terminated.Terminate();
        Assert.Equal(0, await terminated.ExitAsync());

        await drained.UntilAsync(n => n.Shards.Any(s => s is { Step: 2, Evaluation: false }));
        var (code, output, error) = await DrainAsync("drained");
        Assert.True(code == 0, error);
        Assert.Equal("drained finishes its shard and leaves", output.Trim());
        Assert.Equal(0, await drained.ExitAsync());
        await run.Until<DeviceChanged>(e => e is { Device.Value: "drained/cpu:0", State: NodeState.Left });

        (code, _, error) = await DrainAsync("nobody");
        Assert.Equal(2, code);
        Assert.Contains("nobody: no such node; nodes:", error);
        Assert.Single(error.TrimEnd().Split('\n'));
        // One that is gone is soon as unknown as one that never was.
        for (var tries = 0; tries < 30 && error.Contains("drained", StringComparison.Ordinal); tries++)
        {
            (_, _, error) = await DrainAsync("nobody");
        }
        Assert.Equal("alignprop: nobody: no such node; nodes:", error.Trim());

        var last = run.Node("last", delay: "1ms");
        await run.StoppedAsync();
        Assert.Equal(await Undisturbed.HashesAsync(), run.Hashes);
        Assert.Equal([NodeState.Leaving, NodeState.Left], States("terminated"));
        Assert.Equal([NodeState.Leaving, NodeState.Left], States("drained"));
        NodeProcess[] nodes = [terminated, drained, last];
        var shards = nodes.SelectMany(n => n.Shards).ToList();
        Assert.Single(shards, terminated.Shards[^1]);
        Assert.Single(shards, drained.Shards[^1]);

        IEnumerable<NodeState> States(string node) => run.Record.All<RunProgress>().Select(e => e switch
        {
            NodeChanged change when change.Node.Value == node => change.State,
            DeviceChanged change when change.Device.Node.Value == node => change.State,
            _ => NodeState.Joined,
        }).Where(s => s != NodeState.Joined).Distinct();
    }

    private async Task<(int Code, string Output, string Error)> DrainAsync(string node)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = await AlignPropCommand.InvokeAsync(["drain", node, "--runs", Path.Combine(_runs.Folder, "runs")], output,
            error, interactive: false, CancellationToken.None);
        return (code, output.ToString(), error.ToString());
    }
}
