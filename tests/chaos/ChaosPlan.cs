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
/// <param name="Epochs">At least; see <see cref="EpochsFor"/>.</param>
/// <param name="Simulated">Made-up gradients instead of the shipped model.</param>
public sealed record ChaosPlan(int Seed, int Failures, int Epochs, bool Hosts, bool Simulated, IReadOnlyList<FailureKind> Kinds)
{
    /// <summary>Of the run file: optimizer steps an epoch.</summary>
    private const int StepsPerEpoch = 5;

    // After the last failure there is still something to compute.
    private const int Rest = 5;


    private static readonly FailureKind[] OnOneHost =
        [FailureKind.KillNode, FailureKind.HangNode, FailureKind.DrainNode, FailureKind.JoinNode, FailureKind.KillCoordinator,
            FailureKind.KillEverything];

    public static ChaosPlan Short { get; } = new(1, 7, 5, Hosts: false, Simulated: true, OnOneHost);

    public static ChaosPlan Full { get; } = new(1, 22, 8, Hosts: true, Simulated: false,
        [.. OnOneHost, FailureKind.CutNode, FailureKind.CutCoordinator, FailureKind.DatabaseAway]);

    /// <summary>
    /// A run that is long enough for its failures: the steps that may pass while each of them is made. A step of made-up
    /// gradients takes 0.4 s at least, one of the shipped model about 4 s.
    /// </summary>
    public int EpochsFor(IReadOnlyList<FailureKind> failures) =>
        Math.Max(Epochs, (int)Math.Ceiling((Rest + failures.Sum(Steps)) / StepsPerEpoch));

    private double Steps(FailureKind kind) => !Simulated ? 1.5 : kind switch
    {
        // Eight seconds, in which others go on.
        FailureKind.HangNode => 20,
        FailureKind.KillNode or FailureKind.DrainNode => 6,
        FailureKind.JoinNode => 4,
        _ => 3,
    };

    /// <summary>Every kind once, in an order of the seed's, then at random.</summary>
    public IReadOnlyList<FailureKind> Sequence(Random random)
    {
        var first = Kinds.ToArray();
        random.Shuffle(first);
        return [.. first.Concat(Enumerable.Range(0, Math.Max(0, Failures - first.Length))
            .Select(_ => Kinds[random.Next(Kinds.Count)])).Take(Failures)];
    }
}
