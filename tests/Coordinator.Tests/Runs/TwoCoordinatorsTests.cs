using AlignProp.Coordinator.Runs;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Tests.Runs;

/// <summary>Two coordinators that do not know of each other, on one journal: it lets only one of them commit.</summary>
public sealed class TwoCoordinatorsTests : IDisposable
{
    private readonly TestRuns _runs = new();

    public void Dispose() => _runs.Dispose();

    [Fact]
    public async Task The_newer_one_deposes_the_older_one_and_no_step_is_committed_twice()
    {
        await using var old = await LiveRun.StartAsync(_runs, "shared");
        old.Node("node-1", delay: "500ms");
        await old.Until<StepCommitted>(e => e.Step == 1);
        await using var newer = await LiveRun.StartAsync(_runs, "shared");
        newer.Node("node-2", delay: "50ms");

        Assert.Contains($"the coordinator at {newer.Host.Address} leads now; this one steps back",
            (await old.FailedAsync()).Error);
        Assert.Contains(old.Record.All<RunSuperseded>(), e => e.By == newer.Host.Address);
        await newer.StoppedAsync();
        await CheckAsync([.. old.Hashes, .. newer.Hashes], newer);
    }

    [Fact]
    public async Task Of_two_that_begin_the_same_run_at_once_one_ends_it()
    {
        var both = await Task.WhenAll(Task.Run(() => LiveRun.StartAsync(_runs, "at-once")),
            Task.Run(() => LiveRun.StartAsync(_runs, "at-once")));
        await using var first = both[0];
        await using var second = both[1];
        first.Node("node-1");
        second.Node("node-2");
        await Task.WhenAll(both.Select(r => r.FinishedAsync()));
        var winner = Assert.Single(both, r => r.Record.All<RunStopped>().Any());
        var loser = Assert.Single(both, r => r.Record.All<RunFailed>().Any());
        await CheckAsync([.. loser.Hashes, .. winner.Hashes], winner);
    }

    private static async Task CheckAsync(IReadOnlyList<string> reported, LiveRun run)
    {
        var expected = await Undisturbed.HashesAsync();
        var events = await Journal.ReadAsync(run.Directory);
        Assert.Equal(Enumerable.Range(1, events.Count).Select(n => (long)n), events.Select(e => e.Number));
        var steps = events.Select(e => e.Event).OfType<StepCommittedEvent>().ToList();
        Assert.Equal([1, 2, 3, 4, 5, 6], steps.Select(s => s.Step));
        Assert.Equal(expected, steps.Select(s => s.AdapterHash.Value));
        Assert.Equal(expected, reported);
    }
}
