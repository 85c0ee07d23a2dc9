using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Runs;

/// <summary>What a run does next. A pure function of its journal, its configuration and what people asked.</summary>
internal abstract record NextMove
{
    public static NextMove Of(RunState state, RunConfig config, ShardPlanner planner, RunSteering steering)
    {
        if (state.EndReason is { } over)
        {
            return new Over(over);
        }
        if (steering.Holds)
        {
            return new Pause();
        }
        var every = planner.StepsPerEpoch * Math.Max(1, config.Evaluation.EveryEpochs);
        var last = state.Step >= planner.MaxSteps || steering.StopReason is not null;
        if (!state.IsEvaluated && (state.Step % every == 0 || last))
        {
            return new Evaluate(state.Step);
        }
        if (planner.MaxSteps == 0)
        {
            return new End("nothing to train: the base model is evaluated");
        }
        var stop = StoppingRules.Reason(config.Stopping, state.Step, planner.MaxSteps, state.Evaluations)
            ?? new WatchedRewards(config).Fallen(state.Evaluations) ?? steering.StopReason;
        return stop is null ? new Train(state.Step + 1) : new End(stop);
    }

    /// <summary>It has ended before.</summary>
    internal sealed record Over(string Reason) : NextMove;

    /// <summary>It ends now.</summary>
    internal sealed record End(string Reason) : NextMove;

    internal sealed record Pause : NextMove;

    internal sealed record Evaluate(int Step) : NextMove;

    internal sealed record Train(int Step) : NextMove;
}
