namespace AlignProp.Coordinator.Methods;

/// <summary>
/// RWR's weights, of which the loss (1/M) sum w l is made, in fp64. What the published code calls temperature is multiplied with
/// the reward: beta here.
/// </summary>
public static class RewardWeights
{
    /// <summary>M softmax(beta r): 1 on average.</summary>
    public static IReadOnlyList<double> Softmax(IReadOnlyList<float> rewards, double beta) =>
        Softmax([.. rewards.Select(r => beta * r)]);

    /// <summary>The same within each prompt, with the prompt's own count for M.</summary>
    public static IReadOnlyList<double> OfPrompts(IReadOnlyList<string> prompts, IReadOnlyList<float> rewards, double beta)
    {
        var weights = new double[rewards.Count];
        foreach (var prompt in Enumerable.Range(0, prompts.Count).GroupBy(i => prompts[i]))
        {
            int[] places = [.. prompt];
            var own = Softmax([.. places.Select(i => rewards[i])], beta);
            for (var i = 0; i < places.Length; i++)
            {
                weights[places[i]] = own[i];
            }
        }
        return weights;
    }

    /// <summary>Softmax of the reward less its mean, by its deviation: beta does not depend on the reward's scale.</summary>
    public static IReadOnlyList<double> Normalised(IReadOnlyList<float> rewards, double beta) =>
        Softmax([.. Advantages.OfBatch(rewards).Select(a => beta * a)]);

    /// <summary>
    /// The samples from the percentile on count alike, the others not: the loss is the plain mean over those that are kept.
    /// </summary>
    /// <param name="percentile">0 to 100; between two rewards it is interpolated.</param>
    public static IReadOnlyList<double> Sparse(IReadOnlyList<float> rewards, double percentile)
    {
        var threshold = Percentile(rewards, percentile);
        bool[] kept = [.. rewards.Select(r => r >= threshold)];
        var weight = (double)rewards.Count / kept.Count(k => k);
        return [.. kept.Select(k => k ? weight : 0)];
    }

    /// <summary>The reward brought to 0..1 over the batch; a batch without any spread counts alike.</summary>
    public static IReadOnlyList<double> Linear(IReadOnlyList<float> rewards)
    {
        var (min, max) = ((double)rewards.Min(), (double)rewards.Max());
        return [.. rewards.Select(r => max > min ? (r - min) / (max - min) : 1)];
    }

    private static double[] Softmax(IReadOnlyList<double> values)
    {
        var largest = values.Max();
        double[] exponentials = [.. values.Select(v => Math.Exp(v - largest))];
        var sum = exponentials.Sum();
        return [.. exponentials.Select(e => values.Count * e / sum)];
    }

    private static double Percentile(IReadOnlyList<float> rewards, double percentile)
    {
        float[] ordered = [.. rewards.Order()];
        var place = percentile / 100 * (ordered.Length - 1);
        var below = Math.Min((int)place, ordered.Length - 1);
        var above = Math.Min(below + 1, ordered.Length - 1);
        // The top one itself is kept whatever rounding says.
        return Math.Min(ordered[below] + (place - below) * ((double)ordered[above] - ordered[below]), ordered[^1]);
    }
}
