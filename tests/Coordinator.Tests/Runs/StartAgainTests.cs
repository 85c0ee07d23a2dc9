using AlignProp.Coordinator.Runs;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Tests.Runs;

/// <summary>A local node that was drained is started again, and the run that had no device left goes on.</summary>
public sealed class StartAgainTests : IDisposable
{
    private readonly TestRuns _runs = new();

    public StartAgainTests()
    {
        Environment.SetEnvironmentVariable("ALIGNPROP_COMPUTE", "simulated");
        Environment.SetEnvironmentVariable("ALIGNPROP_SIMULATED_DELAY", "20ms");
    }

    public void Dispose() => _runs.Dispose();

    [Fact]
    public async Task The_last_drained_node_comes_back_when_it_is_asked_to()
    {
        await using var run = await LiveRun.StartAsync(_runs, "again");
        Assert.Contains("--nodes 0", run.Host.StartNodes().Detail);
        // Slow enough that the run is not over before the node is drained.
        Environment.SetEnvironmentVariable("ALIGNPROP_SIMULATED_DELAY", "500ms");
        await using var nodes = NodeProcesses.Start([run.Host.Address], [new DeviceName(DeviceKind.Cpu, 0)], 1,
            run.Directory.Logs, _ => { });
        Environment.SetEnvironmentVariable("ALIGNPROP_SIMULATED_DELAY", "20ms");
        run.Host.LocalNodes = nodes;
        await run.Until<NodeChanged>(n => n.State == NodeState.Joined);
        Assert.Equal("all 1 nodes of this coordinator run already", run.Host.StartNodes().Detail);

        Assert.True((await run.Host.DrainAsync("node-1")).Ok);
        await Wait.UntilAsync(() => nodes.ProcessIds.Count == 0, run.Story);
        SteerReply reply = new(true, "");
        await Wait.UntilAsync(() => (reply = run.Host.StartNodes()).Detail == "starting node-1 again", () => reply.Detail);
        await run.StoppedAsync();
        Assert.Equal(await Undisturbed.HashesAsync(), run.Hashes);
    }
}
