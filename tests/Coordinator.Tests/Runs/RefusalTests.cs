using AlignProp.Coordinator.Runs;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Tests.Runs;

/// <summary>Who is turned away at the door, and what is said to them.</summary>
public sealed class RefusalTests : IDisposable
{
    private readonly TestRuns _runs = new();

    public void Dispose() => _runs.Dispose();

    [Fact]
    public async Task A_node_with_other_model_files_is_refused_with_the_folder_and_the_difference()
    {
        await using var run = await LiveRun.StartAsync(_runs, "other-model");
        var model = Path.Combine(_runs.Folder, "model");
        File.WriteAllText(Path.Combine(model, "added.txt"), "not there when the coordinator looked");
        using var node = new NodeProcess(run.Host.Address, "other");
        Assert.Equal(3, await node.ExitAsync());
        Assert.Contains(node.Lines,
            l => l.Contains($"{model}: this node's model files differ from the coordinator's", StringComparison.Ordinal));
        await run.Until<NodeChanged>(e => e is { Node.Value: "other", State: NodeState.Refused }
            && e.Detail.Contains(model, StringComparison.Ordinal));
        Assert.Empty(node.Shards);
    }

    [Fact]
    public async Task When_every_local_node_is_refused_it_is_known()
    {
        await using var run = await LiveRun.StartAsync(_runs, "all-refused");
        var model = Path.Combine(_runs.Folder, "model");
        File.WriteAllText(Path.Combine(model, "added.txt"), "not there when the coordinator looked");
        var cpu = new DeviceName(DeviceKind.Cpu, 0);
        await using var nodes = NodeProcesses.Start([run.Host.Address], [cpu, cpu with { Index = 1 }], 1, run.Directory.Logs,
            _ => { });
        await nodes.AllRefused.WaitAsync(TimeSpan.FromMinutes(3));
        Assert.Equal(2, run.Record.All<NodeChanged>().Where(e => e.State == NodeState.Refused).DistinctBy(e => e.Node).Count());
    }

    [Fact]
    public async Task A_node_of_another_version_is_refused()
    {
        await using var run = await LiveRun.StartAsync(_runs, "other-version");
        await using var console = new Outsider();
        var refused = await console.AskAsync<NodeRefused>(run.Host.Address,
            new NodeHello(new NodeId("old"), [DeviceId.Parse("old/cpu:0")], "0.0.1"));
        Assert.Equal($"node old runs version 0.0.1, the coordinator {ClusterNames.Version}", refused.Reason);
        await run.Until<NodeChanged>(e => e is { Node.Value: "old", State: NodeState.Refused });

        var welcome = await console.AskAsync<NodeWelcome>(run.Host.Address,
            new NodeHello(new NodeId("new"), [DeviceId.Parse("new/cpu:0")], ClusterNames.Version));
        Assert.Equal(run.Directory.Id, welcome.Run.Value);
    }

    [Fact]
    public async Task A_result_under_a_lease_that_is_no_name_is_looked_at_like_any_other()
    {
        await using var run = await LiveRun.StartAsync(_runs, "odd-lease");
        await using var console = new Outsider();
        var device = DeviceId.Parse("odd/cpu:0");
        await run.Until<ShardsChanged>(_ => true);
        var lease = await console.AskAsync<ShardLease>(run.Host.Address, new RequestWork(device, new NodeId("odd"), []));
        var payload = new BlobRef(new BlobHash(new string('0', 64)), 1);
        var fetch = await console.AskAsync<FetchChunk>(run.Host.Address,
            new ShardDone(new LeaseId("odd/lease: ä?"), device, lease.Key, [0, 0], 0, payload, default, 0));
        Assert.Equal(payload.Hash, fetch.Hash);
    }
}
