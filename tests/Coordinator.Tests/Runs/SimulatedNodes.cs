namespace AlignProp.Coordinator.Tests.Runs;

/// <summary>Tests that tell node processes by the environment how long to take: one after the other.</summary>
[CollectionDefinition(Name)]
public sealed class SimulatedNodes
{
    public const string Name = "simulated nodes";
}
