using System.Net;
using AlignProp.GpuNode.Compute;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.GpuNode.Tests;

/// <summary>What a node says of itself over HTTP.</summary>
public sealed class NodeHealthTests : IDisposable
{
    private readonly StuckComputer _computer = new();
    private readonly ComputeDevice _device;
    private bool _joined;

    public NodeHealthTests() => _device = new ComputeDevice(DeviceId.Parse("node/cpu:0"), () => _computer);

    public void Dispose()
    {
        _computer.Gate.Set();
        _device.Dispose();
    }

    [Fact]
    public async Task A_node_is_ready_when_it_is_in_the_cluster_and_its_devices_are_free_or_compute()
    {
        await using var health = await NodeHealth.StartAsync("127.0.0.1:0", () => _joined, [_device], TimeSpan.FromHours(1));
        Assert.Equal((HttpStatusCode.OK, "alive\n"), await AskAsync(health, "live"));
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "not in the cluster\n"), await AskAsync(health, "ready"));
        _joined = true;
        Assert.Equal((HttpStatusCode.OK, "waiting for work\n"), await AskAsync(health, "ready"));
        Compute();
        Assert.Equal((HttpStatusCode.OK, "computing\n"), await AskAsync(health, "ready"));
    }

    [Fact]
    public async Task A_device_whose_shard_is_stuck_does_not_compute()
    {
        _joined = true;
        await using var health = await NodeHealth.StartAsync("127.0.0.1:0", () => _joined, [_device], TimeSpan.Zero);
        Compute();
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "no progress for 0 s on cpu:0\n"), await AskAsync(health, "ready"));
    }

    [Theory]
    [InlineData("8081")]
    [InlineData("127.0.0.1")]
    [InlineData("somewhere:8081")]
    public async Task An_address_without_a_port_or_of_no_machine_is_refused(string bind)
    {
        var error = await Assert.ThrowsAsync<ArgumentException>(() => NodeHealth.StartAsync(bind, () => true, [], TimeSpan.Zero));
        Assert.StartsWith($"--health {bind}: expected", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_that_is_taken_is_told_in_one_line()
    {
        await using var first = await NodeHealth.StartAsync("127.0.0.1:0", () => true, [], TimeSpan.Zero);
        var bind = new Uri(first.Url).Authority;
        var error = await Assert.ThrowsAsync<ArgumentException>(() => NodeHealth.StartAsync(bind, () => true, [], TimeSpan.Zero));
        Assert.StartsWith($"--health {bind}: cannot listen there (", error.Message, StringComparison.Ordinal);
    }

    private void Compute()
    {
        var task = new ShardTask.Reparametrized(GradientPlan.LastSteps(1, 1));
        var shard = new Shard(new RunId("run"), 1, 0, 0, task, [new ShardSample("a cat", 1, 1)]);
        var lease = new ShardLease(new LeaseId("lease"), shard, new BlobRef(new BlobHash(new string('a', 64)), 1));
        _device.Start(lease, RunDescription.Of(new RunConfig()), new ShardAdapters([]));
    }

    private static async Task<(HttpStatusCode Code, string Text)> AskAsync(NodeHealth health, string what)
    {
        using var client = new HttpClient();
        using var response = await client.GetAsync(new Uri($"{health.Url}/health/{what}"));
        return (response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    private sealed class StuckComputer : IShardComputer
    {
        public ManualResetEventSlim Gate { get; } = new();

        public ShardOutcome Compute(
            Shard shard, RunDescription run, ShardAdapters adapters, Action<string, double> progress,
            CancellationToken cancellation)
        {
            Gate.Wait(cancellation);
            return new ShardOutcome([1], 0, [1], default);
        }

        public void Dispose() => Gate.Dispose();
    }
}
