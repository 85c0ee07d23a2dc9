using AlignProp.Coordinator.Runs;

namespace AlignProp.Coordinator.Tests.Runs;

/// <summary>
/// Pause, continue and stop of a real run with made-up gradients; what comes out is what an undisturbed run makes.
/// </summary>
public sealed class SteeringTests : IDisposable
{
    private readonly TestRuns _runs = new();

    public void Dispose() => _runs.Dispose();

    [Fact]
    public async Task A_paused_run_commits_its_step_and_waits_until_it_is_told_to_go_on()
    {
        await using var run = await LiveRun.StartAsync(_runs, "paused");
        // Slow enough that a loaded machine's words reach it before it is over.
        run.Node("node-1", delay: "300ms");
        await run.Until<StepCommitted>(s => s.Step == 1);
        Assert.True((await run.Host.SteerAsync(Steer.Pause)).Ok);
        await run.Until<RunSteered>(s => s.State == SteeringState.Paused);
        var step = run.Hashes.Count;
        Assert.StartsWith("paused already", (await run.Host.SteerAsync(Steer.Pause)).Detail);
        // The device asks for work every second: after two more questions nothing has begun.
        var asked = run.Record.All<DeviceHeard>().Count();
        await run.Until(_ => run.Record.All<DeviceHeard>().Count() >= asked + 2);
        Assert.Equal(step, run.Hashes.Count);
        Assert.Equal(SteeringState.Paused, run.Record.All<RunSteered>().Last().State);

        Assert.Contains("goes on", (await run.Host.SteerAsync(Steer.Continue)).Detail);
        Assert.Equal("all 6 steps done", (await run.StoppedAsync()).Reason);
        Assert.Equal(await Undisturbed.HashesAsync(), run.Hashes);
        Assert.Contains("the run is over", (await run.Host.SteerAsync(Steer.Pause)).Detail);
    }

    [Fact]
    public async Task A_stopped_run_is_evaluated_ends_and_goes_on_when_it_is_resumed()
    {
        IReadOnlyList<string> before;
        await using (var run = await LiveRun.StartAsync(_runs, "stopped"))
        {
            run.Node("node-1", delay: "300ms");
            await run.Until<StepCommitted>(s => s.Step == 1);
            Assert.Contains("alignprop resume", (await run.Host.SteerAsync(Steer.Stop)).Detail);
            Assert.False((await run.Host.SteerAsync(Steer.Pause)).Ok);
            var stopped = await run.StoppedAsync();
            Assert.Equal(RunSteering.Stopped, stopped.Reason);
            Assert.Equal(stopped.Step, run.Record.All<EvaluationFinished>().Last().Step);
            Assert.InRange(stopped.Step, 1, 5);
            before = run.Hashes;
        }
        // A standby, or a restart that is no resume, leaves it ended.
        await using (var again = await LiveRun.StartAsync(_runs, "stopped"))
        {
            Assert.Equal(RunSteering.Stopped, (await again.StoppedAsync()).Reason);
            Assert.Empty(again.Hashes);
        }
        await using var resumed = await LiveRun.StartAsync(_runs, "stopped", new CoordinatorOptions(Reopen: true));
        resumed.Node("node-1", delay: "1ms");
        Assert.Equal("all 6 steps done", (await resumed.StoppedAsync()).Reason);
        Assert.Equal(await Undisturbed.HashesAsync(), [.. before, .. resumed.Hashes]);
    }

    [Fact]
    public async Task A_paused_run_can_be_stopped()
    {
        await using var run = await LiveRun.StartAsync(_runs, "paused-stopped");
        run.Node("node-1");
        await run.Until<StepCommitted>(s => s.Step == 1);
        await run.Host.SteerAsync(Steer.Pause);
        await run.Until<RunSteered>(s => s.State == SteeringState.Paused);
        await run.Host.SteerAsync(Steer.Stop);
        Assert.Equal(RunSteering.Stopped, (await run.StoppedAsync()).Reason);
    }
}
