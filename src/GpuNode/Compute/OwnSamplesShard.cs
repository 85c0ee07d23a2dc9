using System.Diagnostics;
using AlignProp.Messages;

namespace AlignProp.GpuNode.Compute;

/// <summary>
/// What computers of tasks on own samples share: the samples are made again by the adapter that made them first (chains never
/// travel), then the gradient is computed with the shard's own.
/// </summary>
internal static class OwnSamplesShard
{
    /// <param name="sample">With the behaviour's weights on the model.</param>
    /// <param name="train">With the shard's own; adds to the LoRA weights' <c>grad</c> and returns the loss.</param>
    /// <param name="steps">Of the chain.</param>
    /// <param name="recomputed">Network calls with gradient.</param>
    public static ShardOutcome Compute<T>(ShardInput input, Func<Action<string, double>, T> sample,
        Func<T, Action<string, double>, double> train, int steps, int recomputed, Action<string, double> progress)
    {
        var watch = Stopwatch.StartNew();
        // A call with its backward costs about three without gradient.
        double trained = 3 * recomputed, total = steps + trained;
        var samples = input.AsBehaviour(() => sample((phase, fraction) => progress(phase, fraction * steps / total)));
        var sampling = watch.Elapsed.TotalSeconds;
        var loss = train(samples, (phase, fraction) => progress(phase, (steps + fraction * trained) / total));
        var gradient = input.Adapter.WithValues(input.Host.Lora.Gradients());
        return new ShardOutcome([], loss, gradient.Serialize(),
            new PhaseTimes(sampling, 0, watch.Elapsed.TotalSeconds - sampling), []);
    }
}
