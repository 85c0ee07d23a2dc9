using AlignProp.Coordinator.Runs;
using AlignProp.Messages;

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
        var slow = run.Node("slow", delay: "40s");
        await slow.UntilAsync(n => n.Shards.Count > 0);
        var late = slow.Shards[0];
        var fast = run.Node("fast", delay: "100ms");
        await run.StoppedAsync();
        Assert.Contains(late, fast.Shards);
        Assert.Equal(await Undisturbed.HashesAsync(), run.Hashes);
        Assert.DoesNotContain(run.Record.All<DeviceChanged>(), e => e.State is NodeState.Benched or NodeState.Lost);

        // A result that comes later still is answered, and not taken.
        await using var outsider = new Outsider();
        var answer = await outsider.AskAsync<ShardAcknowledged>(run.Host.Address,
            new ShardDone(new LeaseId("late"), DeviceId.Parse("slow/cpu:0"),
                new ShardKey(new RunId("slow"), 1, 0, 0, new BlobHash(run.Hashes[0])), [9, 9], 0,
                new BlobRef(new BlobHash(run.Hashes[0]), 1), default, 0));
        Assert.False(answer.Accepted);
        Assert.Equal(6, (await Journal.ReadAsync(run.Directory)).Count(e => e.Event is StepCommittedEvent));
    }
}
