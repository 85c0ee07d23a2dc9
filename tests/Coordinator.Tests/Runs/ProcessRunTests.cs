using System.Diagnostics;
using AlignProp.Coordinator.Runs;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Tests.Runs;

/// <summary>
/// Whole runs over real GpuNode processes, with made-up gradients: the protocol, the journal and the store are the real ones.
/// </summary>
[Collection(SimulatedNodes.Name)]
public sealed class ProcessRunTests : IDisposable
{
    private readonly TestRuns _runs = new();

    public ProcessRunTests()
    {
        Environment.SetEnvironmentVariable("ALIGNPROP_COMPUTE", "simulated");
        Environment.SetEnvironmentVariable("ALIGNPROP_SIMULATED_DELAY", "20ms");
    }

    public void Dispose() => _runs.Dispose();

    [Fact]
    public async Task One_node_two_nodes_a_killed_node_and_a_resumed_run_end_with_the_same_adapter()
    {
        var one = await RunAsync("one", 1);
        var two = await RunAsync("two", 2);
        // Slow enough that it is still running when a node is killed, and when it is stopped.
        Environment.SetEnvironmentVariable("ALIGNPROP_SIMULATED_DELAY", "300ms");
        var killed = await RunAsync("killed", 2, async (nodes, record) =>
        {
            await record.Until(e => e is StepCommitted { Step: 1 });
            Process.GetProcessById(nodes.ProcessIds[0]).Kill();
        });
        await RunAsync("resumed", 1, (_, record) => record.Until(e => e is StepCommitted { Step: 2 }), stopEarly: true);
        Environment.SetEnvironmentVariable("ALIGNPROP_SIMULATED_DELAY", "20ms");
        var resumed = await RunAsync("resumed", 2);

        Assert.Equal(6, one.Count);
        Assert.Equal(one, two);
        Assert.Equal(one, killed);
        Assert.Equal(one.TakeLast(resumed.Count), resumed);
        Assert.InRange(resumed.Count, 1, 4);
        Assert.Equal(6, one.Distinct().Count());
    }

    /// <summary>The adapter's hash after every step this process committed.</summary>
    private async Task<IReadOnlyList<string>> RunAsync(string id, int nodes, Func<NodeProcesses, Record, Task>? meanwhile = null,
        bool stopEarly = false)
    {
        var (record, directory) = (new Record(), _runs.Directory_(id));
        await using var host = await CoordinatorHost.StartAsync(_runs.Config(), "", TestRuns.Training, TestRuns.HeldOut,
            directory, new CoordinatorOptions(), record);
        List<DeviceName> devices = [.. Enumerable.Repeat(new DeviceName(DeviceKind.Cpu, 0), nodes)];
        await using var processes = NodeProcesses.Start([host.Address], devices, 1, directory.Logs, _ => { });
        if (meanwhile is not null)
        {
            await meanwhile(processes, record);
        }
        if (!stopEarly)
        {
            var finished = await Task.WhenAny(host.Finished, Task.Delay(TimeSpan.FromSeconds(120)));
            Assert.True(finished == host.Finished, Story());
            Assert.True(await host.Finished is RunStopped, Story());
        }
        return record.All<StepCommitted>().Select(s => s.AdapterSha256).ToList();

        string Story() => string.Join('\n', record.All<RunProgress>().Where(e => e is not ShardsChanged).Select(e => e.ToString())
            .Concat(Directory.EnumerateFiles(directory.Logs).SelectMany(File.ReadLines)));
    }
}
