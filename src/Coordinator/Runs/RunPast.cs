using AlignProp.Coordinator.Methods;

namespace AlignProp.Coordinator.Runs;

/// <summary>A run's journal and plan as methods look back on them.</summary>
internal sealed class RunPast(RunState state, ShardPlanner planner) : IRunPast
{
    public IReadOnlyList<string> Prompts(int step) => planner.Prompts(step);

    public IReadOnlyList<float> Rewards(int step) => state.Steps[step - 1].Scored.Rewards;
}
