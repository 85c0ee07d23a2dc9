namespace AlignProp.Chaos;

/// <summary>What is done to the run.</summary>
public enum FailureKind
{
    KillNode,
    HangNode,
    DrainNode,
    JoinNode,
    KillCoordinator,
    KillEverything,
    CutNode,
    CutCoordinator,
    DatabaseAway,
}

/// <summary>The sizes of a chaos run.</summary>
/// <param name="Hosts">
/// Separate hosts in network namespaces, with PostgreSQL and a standby; else everything on the loopback with SQLite.
/// </param>
/// <param name="Simulated">Made-up gradients instead of the shipped model.</param>
public sealed record ChaosPlan(int Seed, int Failures, int Epochs, bool Hosts, bool Simulated, IReadOnlyList<FailureKind> Kinds)
{
    private static readonly FailureKind[] OnOneHost =
        [FailureKind.KillNode, FailureKind.HangNode, FailureKind.DrainNode, FailureKind.JoinNode, FailureKind.KillCoordinator,
            FailureKind.KillEverything];

    public static ChaosPlan Short { get; } = new(1, 7, 5, Hosts: false, Simulated: true, OnOneHost);

    public static ChaosPlan Full { get; } = new(1, 22, 8, Hosts: true, Simulated: false,
        [.. OnOneHost, FailureKind.CutNode, FailureKind.CutCoordinator, FailureKind.DatabaseAway]);

    /// <summary>Every kind once, in an order of the seed's, then at random.</summary>
    public IReadOnlyList<FailureKind> Sequence(Random random)
    {
        var first = Kinds.ToArray();
        random.Shuffle(first);
        return [.. first.Concat(Enumerable.Range(0, Math.Max(0, Failures - first.Length))
            .Select(_ => Kinds[random.Next(Kinds.Count)])).Take(Failures)];
    }
}
