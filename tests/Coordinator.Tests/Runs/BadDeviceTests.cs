using AlignProp.Coordinator.Runs;

namespace AlignProp.Coordinator.Tests.Runs;

/// <summary>Devices that return nonsense, or nothing: they cost time, never a step.</summary>
public sealed class BadDeviceTests : IDisposable
{
    private readonly TestRuns _runs = new();

    public void Dispose() => _runs.Dispose();

    [Fact]
    public async Task Devices_that_return_NaN_a_wrong_shape_or_an_error_are_benched_and_change_nothing()
    {
        await using var run = await LiveRun.StartAsync(_runs, "bad-devices");
        // Busy for ever with its first shard: while it is there, not all devices are bad.
        var busy = run.Node("busy", delay: "1h");
        await busy.UntilAsync(n => n.Shards.Count > 0);
        List<NodeProcess> bad = [run.Node("nan", fault: "nan"), run.Node("shape", fault: "shape"),
            run.Node("throw", fault: "throw")];
        foreach (var device in new[] { "nan/cpu:0", "shape/cpu:0", "throw/cpu:0" })
        {
            await run.Until<DeviceChanged>(e => e.Device.Value == device && e.State == NodeState.Benched);
        }
        // Each was benched after three failures in a row, all on the same step: the shards are not to blame. A device computes on
        // while a result of its own is fetched and read, so a few more may have been in work.
        Assert.All(bad, n => Assert.InRange(n.Shards.Count(s => s is { Evaluation: false, Step: 1 }), 3, 6));
        run.Node("good");
        await run.StoppedAsync();

        Assert.Equal(await Undisturbed.HashesAsync(), run.Hashes);
        var benched = run.Record.All<DeviceChanged>().Where(e => e.State == NodeState.Benched)
            .ToDictionary(e => e.Device.Value, e => e.Detail);
        Assert.Equal(3, benched.Count);
        Assert.Contains("out of memory", benched["throw/cpu:0"]);
    }

    [Fact]
    public async Task A_run_whose_only_device_fails_stops_with_everything_kept()
    {
        await using (var run = await LiveRun.StartAsync(_runs, "only-bad"))
        {
            run.Node("bad", fault: "throw");
            var failed = await run.FailedAsync();
            Assert.Contains(
                "of step 1 failed on 1 device(s), last on bad/cpu:0: InvalidOperationException: simulated: out of memory",
                failed.Error);
            Assert.Empty(run.Hashes);
        }
        await using var resumed = await LiveRun.StartAsync(_runs, "only-bad");
        resumed.Node("good");
        await resumed.StoppedAsync();
        Assert.Equal(await Undisturbed.HashesAsync(), resumed.Hashes);
    }
}
