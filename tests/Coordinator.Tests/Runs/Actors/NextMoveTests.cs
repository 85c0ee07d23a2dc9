using AlignProp.Coordinator.Runs;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Tests.Runs.Actors;

/// <summary>What comes next, from what the journal has and people asked: two steps an epoch, four in all.</summary>
public sealed class NextMoveTests
{
    private static readonly RunSetup Setup = ActorSetup.Make(new Record(), TimeProvider.System);

    [Fact]
    public void The_base_model_and_every_epochs_last_step_are_evaluated_before_the_next_step()
    {
        Assert.Equal(new NextMove.Evaluate(0), Next(At(0)));
        Assert.Equal(new NextMove.Train(1), Next(At(0, evaluated: true)));
        Assert.Equal(new NextMove.Train(2), Next(At(1)));
        Assert.Equal(new NextMove.Evaluate(2), Next(At(2)));
        Assert.Equal(new NextMove.Train(3), Next(At(2, evaluated: true)));
    }

    [Fact]
    public void The_last_step_is_evaluated_then_the_run_ends_and_stays_over()
    {
        Assert.Equal(new NextMove.Evaluate(4), Next(At(4)));
        Assert.Equal(new NextMove.End("all 4 steps done"), Next(At(4, evaluated: true)));
        Assert.Equal(new NextMove.Over("all 4 steps done"), Next(At(4) with { EndReason = "all 4 steps done" }));
    }

    [Fact]
    public void A_pause_holds_everything_but_an_end()
    {
        Assert.Equal(new NextMove.Pause(), Next(At(2), Steer.Pause));
        Assert.Equal(new NextMove.Train(2), Next(At(1), Steer.Pause, Steer.Continue));
        Assert.Equal(new NextMove.Over("done"), Next(At(2) with { EndReason = "done" }, Steer.Pause));
    }

    [Fact]
    public void A_stop_evaluates_and_ends_even_while_paused()
    {
        Assert.Equal(new NextMove.Evaluate(1), Next(At(1), Steer.Pause, Steer.Stop));
        Assert.Equal(new NextMove.End(RunSteering.Stopped), Next(At(1, evaluated: true), Steer.Stop));
    }

    private static RunState At(int step, bool evaluated = false) =>
        new() { Step = step, Evaluations = evaluated ? [new EvaluationRecorded(step, 1, 0, 1)] : [] };

    private static NextMove Next(RunState state, params Steer[] asked)
    {
        var steering = new RunSteering();
        foreach (var what in asked)
        {
            steering.Ask(what, state.Step, waiting: false, new Record());
        }
        return NextMove.Of(state, Setup.Config, Setup.Planner, steering);
    }
}
