using AlignProp.Coordinator.Runs;

namespace AlignProp.Coordinator.Tests.Runs;

/// <summary>A device that is far slower than the others holds nobody up.</summary>
public sealed class SlowDeviceTests : IDisposable
{
    private readonly TestRuns _runs = new();

    public void Dispose() => _runs.Dispose();

    [Fact]
    public async Task An_idle_device_repeats_the_slow_ones_shard_and_the_late_result_changes_nothing()
    {
        await using var run = await LiveRun.StartAsync(_runs, "slow");
        var slow = run.Node("slow", delay: "6s");
        await slow.UntilAsync(n => n.Shards.Count > 0);
        var late = slow.Shards[0];
        var fast = run.Node("fast", delay: "100ms");
        // Its first result comes when others have done the shard; it asks again, which it does only once it was answered.
        await slow.UntilAsync(n => n.Shards.Count > 1);
        Assert.Contains(late, fast.Shards);
        Assert.True(run.Record.All<StepCommitted>().Any(), run.Story());
        await run.StoppedAsync();
        Assert.Equal(await Undisturbed.HashesAsync(), run.Hashes);
        Assert.DoesNotContain(run.Record.All<NodeChanged>(), e => e.State is "benched" or "lost");
    }
}
