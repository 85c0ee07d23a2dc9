namespace AlignProp.Messages;

/// <summary>Wall-clock seconds of the phases of a shard, or their sums.</summary>
/// <param name="Backward">0 in an evaluation.</param>
public readonly record struct PhaseTimes(double Sampling, double Scoring, double Backward)
{
    public static PhaseTimes operator +(PhaseTimes a, PhaseTimes b) =>
        new(a.Sampling + b.Sampling, a.Scoring + b.Scoring, a.Backward + b.Backward);
}
