using AlignProp.Coordinator.Runs;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Tests.Runs.Actors;

/// <summary>Pause, continue, stop, and a run that had ended.</summary>
public sealed class RunActorSteeringTests : RunKit
{
    [Fact]
    public async Task A_pause_lets_the_step_commit_and_nothing_begins_until_people_say_so()
    {
        await InStepAsync(2);
        Assert.Equal("pauses when step 2 is committed", (await SteerAsync(Steer.Pause)).Detail);
        Assert.Equal("pauses after step 2 already", (await SteerAsync(Steer.Pause)).Detail);
        await FinishStepAsync();
        await Record.Until(e => e is RunSteered { State: SteeringState.Paused, Step: 2 });
        Assert.Equal("paused already, after step 2", (await SteerAsync(Steer.Pause)).Detail);
        Assert.False(Shards.HasMessages);

        Assert.Equal("goes on after step 2", (await SteerAsync(Steer.Continue)).Detail);
        Ordered(2, evaluation: true);
    }

    [Fact]
    public async Task A_pause_that_is_taken_back_before_the_commit_changes_nothing()
    {
        await InStepAsync(1);
        await SteerAsync(Steer.Pause);
        await SteerAsync(Steer.Continue);
        await FinishStepAsync();
        Ordered(2);
        Assert.DoesNotContain(Record.All<RunSteered>(), s => s.State == SteeringState.Paused);
    }

    [Fact]
    public async Task A_stop_commits_evaluates_and_ends_and_only_a_resume_goes_on()
    {
        await InStepAsync(1);
        Assert.StartsWith("stops when step 1 is committed", (await SteerAsync(Steer.Stop)).Detail);
        Assert.False((await SteerAsync(Steer.Pause)).Ok);
        await FinishStepAsync();
        Compute(Ordered(1, evaluation: true));
        Assert.Equal(RunSteering.Stopped, Next<FinishRun>().Over.Reason);
        Assert.Equal(RunSteering.Stopped, Assert.IsType<RunEnded>(Journaled.Events[^1]).Reason);

        await KillAsync();
        Start();
        Assert.Equal(RunSteering.Stopped, Next<FinishRun>().Over.Reason);
        await KillAsync();
        Start(reopen: true);
        Ordered(2);
    }

    [Fact]
    public async Task A_paused_run_can_be_stopped()
    {
        await InStepAsync(1);
        await SteerAsync(Steer.Pause);
        await FinishStepAsync();
        await Record.Until(e => e is RunSteered { State: SteeringState.Paused });
        Assert.StartsWith("stops now", (await SteerAsync(Steer.Stop)).Detail);
        Compute(Ordered(1, evaluation: true));
        Next<FinishRun>();
    }

    [Fact]
    public async Task A_pause_outlives_an_actor_that_is_started_again()
    {
        await InStepAsync(1);
        await SteerAsync(Steer.Pause);
        Journaled.WritesFail = true;
        Compute(_order);
        await Record.Until(e => e is RunNotice { Kind: NoticeKind.JournalAway });
        Journaled.WritesFail = false;
        await Record.Until(e => e is RunSteered { State: SteeringState.Paused, Step: 0 });
        Assert.False(Shards.HasMessages);
    }

    private ComputeShards _order = null!;

    private async Task InStepAsync(int step)
    {
        Start();
        if (step == 1)
        {
            Compute(Ordered(0, evaluation: true));
        }
        else
        {
            await CommitAsync(step - 1);
        }
        _order = Ordered(step);
    }

    private async Task FinishStepAsync()
    {
        Compute(_order);
        await Record.Until(e => e is StepCommitted committed && committed.Step == _order.Work.Step);
    }
}
