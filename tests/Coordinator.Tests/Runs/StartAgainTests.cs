using AlignProp.Coordinator.Runs;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Tests.Runs;

/// <summary>A local node that was drained is started again, and the run that had no device left goes on with it.</summary>
[Collection(SimulatedNodes.Name)]
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
        // It waits before the first step, so that it cannot be over before the node is drained.
        await run.Until<RunStarted>(_ => true);
        Assert.True((await run.Host.SteerAsync(Steer.Pause)).Ok);
        await using var nodes = NodeProcesses.Start([run.Host.Address], [new DeviceName(DeviceKind.Cpu, 0)], 1,
            run.Directory.Logs, _ => { });
        run.Host.LocalNodes = nodes;
        await run.Until<RunSteered>(s => s.State == SteeringState.Paused);
        Assert.Equal("all 1 nodes of this coordinator run already", run.Host.StartNodes().Detail);

        Assert.True((await run.Host.DrainAsync("node-1")).Ok);
        SteerReply reply = new(true, "");
        await Wait.UntilAsync(() => (reply = run.Host.StartNodes()).Detail == "starting node-1 again", () => reply.Detail);
        Assert.True((await run.Host.SteerAsync(Steer.Continue)).Ok);
        await run.StoppedAsync();
        Assert.Equal(await Undisturbed.HashesAsync(), run.Hashes);
    }
}
