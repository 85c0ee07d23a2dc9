using AlignProp.Coordinator.Runs;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Tests.Runs.Actors;

/// <summary>From the first start to the end: what is ordered, and what is committed.</summary>
public sealed class RunActorStepTests : RunKit
{
    [Fact]
    public async Task A_new_run_is_elected_created_evaluated_and_trained_to_its_end()
    {
        Start();
        var first = Ordered(step: 0, evaluation: true);
        Assert.False(first.HandIn);
        Assert.Equal(first.Work.Blob, BlobRef.Of(first.Adapter));
        Compute(first);
        var adapter = first.Work.Blob;
        for (var step = 1; step <= 4; step++)
        {
            var order = Ordered(step);
            Assert.Equal(step == 1, order.Work.Blob == adapter);
            adapter = order.Work.Blob;
            Compute(order);
            if (step % 2 == 0)
            {
                Compute(Ordered(step, evaluation: true));
            }
        }
        Assert.Equal("all 4 steps done", Next<FinishRun>().Over.Reason);
        var stopped = await SeenAsync<RunStopped>();
        Assert.Equal((4, Record.All<StepCommitted>().Last().AdapterSha256), (stopped.Step, stopped.AdapterSha256));
        string[] epoch = ["Step", "Step", "Evaluation"];
        Assert.Equal(["Elected", "Created", "Evaluation", .. epoch, .. epoch, "Ended"], Journaled.Events.Select(Name));
        Assert.Equal([1, 1, 2, 2], Record.All<StepCommitted>().Select(s => s.Epoch));
        Assert.Equal("the run is over: all 4 steps done", (await SteerAsync(Steer.Pause)).Detail);
    }

    [Fact]
    public async Task A_step_counts_only_when_it_is_persisted()
    {
        Start();
        Compute(Ordered(0, evaluation: true));
        var order = Ordered(1);
        var gate = new TaskCompletionSource();
        Journaled.Gate = gate.Task;
        Clock.Now += TimeSpan.FromSeconds(30);
        Compute(order);
        // Its blobs are durable before: two of adapter 0, two of the step.
        await Wait.UntilAsync(() => Store.Count == 4, () => $"{Store.Count} blobs");
        Assert.Empty(Record.All<StepCommitted>());
        gate.SetResult();
        var committed = await SeenAsync<StepCommitted>();
        Assert.Equal((1, 30.0), (committed.Step, committed.Seconds));
        Assert.Equal(committed.AdapterSha256, Ordered(2).Work.Blob.Hash.Value);
    }

    [Fact]
    public async Task An_adapter_that_changes_no_picture_ends_the_run()
    {
        Start();
        Compute(Ordered(0, evaluation: true), reward: 3);
        Compute(Ordered(1));
        Compute(Ordered(2));
        Compute(Ordered(2, evaluation: true), reward: 3);
        var failed = await FailedAsync();
        Assert.Equal((2, "the adapter of step 2 changes no picture: reward and diversity on the held-out prompts are those of "
            + "the base model to the last digit"), (failed.Step, failed.Error));
        Assert.Single(Journaled.Events.OfType<EvaluationRecorded>());
    }

    [Fact]
    public async Task Shards_that_fail_everywhere_fail_the_run_with_everything_kept()
    {
        Start();
        await CommitAsync(1);
        Ordered(2);
        Shards.Reply(new ShardsFailed("shard 0 of step 2 failed"));
        var failed = await FailedAsync();
        Assert.Equal((1, "shard 0 of step 2 failed"), (failed.Step, failed.Error));
        Next<Dismiss>();
        Assert.Equal("the run has failed: shard 0 of step 2 failed", (await SteerAsync(Steer.Pause)).Detail);
        Assert.Equal(4, Journaled.Events.Count);
    }

    [Fact]
    public async Task What_devices_say_reaches_the_dispatcher_as_theirs_whatever_the_run_is_at()
    {
        var device = CreateTestProbe();
        Start();
        Ordered(0, evaluation: true);
        Run.Tell(new NodeLeaving(new NodeId("n")), device);
        Next<NodeLeaving>();
        Assert.Equal(device.Ref, Shards.LastSender);
        await SteerAsync(Steer.Stop);
        Run.Tell(new NodeLeaving(new NodeId("n")), device);
        Next<NodeLeaving>();
    }

    [Fact]
    public async Task A_run_whose_dispatcher_breaks_goes_on_at_the_last_committed_step()
    {
        Start();
        await CommitAsync(1);
        Ordered(2);
        Sys.ActorSelection(Run.Path / "actor" / "shards").Tell(new InvalidOperationException("broken"));
        Assert.True(Ordered(2).HandIn);
        Assert.Equal([1, 2], Journaled.Events.OfType<CoordinatorElected>().Select(e => e.Term));
    }

    private static string Name(IRunEvent e) => e switch
    {
        CoordinatorElected => "Elected",
        RunCreated => "Created",
        EvaluationRecorded => "Evaluation",
        StepCommittedEvent => "Step",
        _ => "Ended",
    };
}
