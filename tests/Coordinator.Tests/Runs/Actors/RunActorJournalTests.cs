using Akka.Actor;
using AlignProp.Coordinator.Runs;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Tests.Runs.Actors;

/// <summary>A journal or store that is away, refuses or is damaged, and a newer coordinator.</summary>
public sealed class RunActorJournalTests : RunKit
{
    [Fact]
    public async Task A_commit_that_the_journal_cannot_take_is_tried_again_and_the_step_comes_out_the_same()
    {
        Start();
        await CommitAsync(1);
        var order = Ordered(2);
        Journaled.WritesFail = true;
        Compute(order);
        await AwayAsync("paused at step 1: the journal cannot be written (the database does not answer); trying again");
        Assert.Single(Record.All<StepCommitted>());
        Journaled.WritesFail = false;

        var again = Ordered(2);
        Assert.True(again.HandIn);
        Assert.Equal(order.Work.Blob, again.Work.Blob);
        Compute(again);
        await Record.Until(e => e is StepCommitted { Step: 2 });
        Assert.Equal(2, Journaled.Events.OfType<StepCommittedEvent>().Last().Step);
        Assert.Equal(await UndisturbedAsync(2), Record.All<StepCommitted>().Last().AdapterSha256);
    }

    [Fact]
    public async Task An_event_that_the_journal_refuses_fails_the_run()
    {
        Journaled.Rejects = typeof(StepCommittedEvent);
        Start();
        Compute(Ordered(0, evaluation: true));
        Compute(Ordered(1));
        Assert.Equal("the journal refused an event: StepCommittedEvent cannot be written", (await FailedAsync()).Error);
        Next<Dismiss>();
        Assert.Empty(Record.All<StepCommitted>());
    }

    [Fact]
    public async Task A_journal_that_cannot_be_read_is_waited_for()
    {
        Journaled.ReadsFail = new TimeoutException("the database does not answer");
        Start();
        await AwayAsync("paused at step 0: the journal cannot be read (the database does not answer); trying again");
        Journaled.ReadsFail = null;
        Ordered(0, evaluation: true);
    }

    [Fact]
    public async Task A_damaged_journal_fails_the_run()
    {
        Journaled.Add(new CoordinatorElected(1, "old", "there"));
        Journaled.Add(new StepCommittedEvent(1, 7, new("a"), new("m"), 0, 0, 0, 0, [1], 1));
        Start();
        Assert.Equal("the journal is damaged: journal: step 7 of term 1 follows step 0 of term 1", (await FailedAsync()).Error);
    }

    [Fact]
    public async Task A_database_whose_file_is_damaged_fails_the_run_once_and_is_not_tried_again()
    {
        Journaled.ReadsFail = new Microsoft.Data.Sqlite.SqliteException("database disk image is malformed", 11, 11);
        Start();
        var failed = await FailedAsync();
        Assert.Equal((true, "the journal is damaged: database disk image is malformed"), (failed.Damaged, failed.Error));
        Assert.DoesNotContain(Record.All<RunNotice>(), n => n.Kind == NoticeKind.JournalAway);
        // Readable again, it is still not begun: somebody is to look first.
        Journaled.ReadsFail = null;
        await Wait.UntilAsync(() => Run.Ask<SteerReply>(new SteerRun(Steer.Pause), TimeSpan.FromSeconds(1)) is var asked
            && Task.WaitAny(asked) == 0 && asked.IsCompletedSuccessfully
            && asked.Result.Detail.Contains("has failed", StringComparison.Ordinal), () => "it does not answer");
        Assert.Empty(Record.All<RunLed>());
    }

    [Fact]
    public async Task A_store_that_is_away_is_waited_for()
    {
        Start();
        Compute(Ordered(0, evaluation: true));
        Store.Failure = new TimeoutException("the store does not answer");
        Compute(Ordered(1));
        await AwayAsync("paused at step 0: the journal cannot be reached (the store does not answer); trying again");
        Compute(Ordered(1));
        Assert.Equal(1, (await SeenAsync<StepCommitted>()).Step);
    }

    [Fact]
    public async Task A_full_disk_fails_the_run_with_everything_kept()
    {
        Start();
        await CommitAsync(1);
        Store.Failure = new IOException("No space left on device");
        Compute(Ordered(2));
        var failed = await FailedAsync();
        Assert.Equal((1, "No space left on device"), (failed.Step, failed.Error));
        Next<Dismiss>();
    }

    [Fact]
    public async Task A_coordinator_that_finds_a_newer_one_at_its_commit_steps_back_and_commits_nothing()
    {
        Start();
        await CommitAsync(1);
        var order = Ordered(2);
        Journaled.Add(new CoordinatorElected(2, "newer", "there"));
        Compute(order);
        Assert.Equal(new RunSuperseded("there", 1), await SeenAsync<RunSuperseded>());
        Assert.Single(Journaled.Events.OfType<StepCommittedEvent>());
        Assert.Equal("newer", Journaled.Events.OfType<CoordinatorElected>().Last().Life);
        Assert.Equal("the coordinator at there leads now", (await SteerAsync(Steer.Pause)).Detail);
        Assert.False(Shards.HasMessages);
    }

    [Fact]
    public async Task A_coordinator_takes_a_run_over_at_its_last_step_with_the_next_term()
    {
        Start("first");
        await CommitAsync(1);
        await KillAsync();
        Start("second");
        var order = Ordered(2);
        Assert.True(order.HandIn);
        Assert.StartsWith("second-2-", order.Work.Leases.Acquire(DeviceId.Parse("d/cpu:0"), Clock.Now)!.Id.Value);
        Assert.Equal(new RunLed(2, "host-of-second", "host-of-first"), Record.All<RunLed>().Last());
        Assert.Equal(1, Record.All<RunStarted>().Last().FromStep);
        Compute(order);
        await Record.Until(e => e is StepCommitted { Step: 2 });
        Assert.Equal([1, 2], Journaled.Events.OfType<StepCommittedEvent>().Select(e => e.Term));
    }

    private Task AwayAsync(string text) =>
        Record.Until(e => e is RunNotice { Kind: NoticeKind.JournalAway } notice && notice.Text == text);

    /// <summary>The adapter after a step of a run that nothing happens to.</summary>
    private static async Task<string> UndisturbedAsync(int step)
    {
        using var run = new Undisturbed();
        return await run.HashAsync(step);
    }

    private sealed class Undisturbed : RunKit
    {
        public async Task<string> HashAsync(int step)
        {
            Start();
            await CommitAsync(step);
            return Record.All<StepCommitted>().Last().AdapterSha256;
        }
    }
}
