using AlignProp.Messages;

namespace AlignProp.Coordinator.Methods;

/// <summary>The base model, evaluated as every method's runs are: what their curves begin at.</summary>
public sealed class NoMethod : IMethod
{
    public bool Trains => false;

    public bool NeedsRewardGradient => false;

    public IReadOnlyList<ShardTask>? Next(int step, IRunPast past, IReadOnlyList<RoundResult> done) => null;
}
