using AlignProp.Coordinator.Runs;

namespace AlignProp.Coordinator.Tests.Runs;

/// <summary>Nodes with several device workers in one process.</summary>
public sealed class ManyDevicesTests : IDisposable
{
    private readonly TestRuns _runs = new();

    public void Dispose() => _runs.Dispose();

    [Fact]
    public async Task A_node_of_three_devices_that_is_killed_and_one_that_terminates_in_order_change_no_byte()
    {
        await using var run = await LiveRun.StartAsync(_runs, "many");
        var killed = run.Node("killed", delay: "300ms", devices: "cpu*3");
        await killed.UntilAsync(n => n.DevicesAt(1) == 3 && n.Shards.Any(s => s is { Step: 2, Evaluation: false }));
        killed.Kill();

        var drained = run.Node("drained", delay: "300ms", devices: "cpu*3");
        await drained.UntilAsync(n => n.DevicesAt(3) == 3);
        drained.Terminate();
        Assert.Equal(0, await drained.ExitAsync());
        var leaving = run.Record.All<DeviceChanged>()
            .Where(e => e.State == NodeState.Left && e.Device.Node.Value == "drained").Select(e => e.Device).Distinct();
        await run.Until<DeviceChanged>(_ => leaving.Count() == 3);

        var last = run.Node("last", delay: "1ms", devices: "cpu*2");
        await run.StoppedAsync();
        Assert.Equal(await Undisturbed.HashesAsync(), run.Hashes);
        // Each of the three finished what it had begun, and its result counts.
        Assert.Empty(drained.Shards.Intersect(last.Shards));
    }
}
