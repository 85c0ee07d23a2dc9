namespace AlignProp.GpuNode.Compute;

/// <summary>How long a simulated device takes for a shard.</summary>
/// <param name="ByTruncation">
/// False: always the delay, the worst case, because all devices finish at one instant. True: as N + 3K, as a real shard does (N
/// steps of sampling; K steps recomputed, with a backward of twice the cost), the delay being the mean over K ~ U{1..N}.
/// </param>
public sealed record SimulatedCost(TimeSpan Delay, bool ByTruncation = false)
{
    /// <param name="kind">same or truncation.</param>
    /// <exception cref="ArgumentException">Neither.</exception>
    public static SimulatedCost Of(TimeSpan delay, string kind) => kind switch
    {
        "same" => new SimulatedCost(delay),
        "truncation" => new SimulatedCost(delay, true),
        _ => throw new ArgumentException($"alignprop.node.simulated-cost = {kind}: expected same or truncation"),
    };

    /// <param name="steps">N.</param>
    /// <param name="truncation">K; 0 in an evaluation.</param>
    public TimeSpan Of(int steps, int truncation) => ByTruncation
        ? Delay * ((steps + 3.0 * truncation) / (steps + 1.5 * (steps + 1))) : Delay;
}
