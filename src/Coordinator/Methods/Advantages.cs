namespace AlignProp.Coordinator.Methods;

/// <summary>
/// DDPO's advantages: how far a reward lies above those it is compared with, in their deviations (population, in fp64).
/// </summary>
public static class Advantages
{
    // The reference's floors: they differ, and a batch without any spread comes out as zeros.
    private const double BatchFloor = 1e-8;
    private const double PromptFloor = 1e-6;

    /// <summary>Against the batch itself.</summary>
    public static IReadOnlyList<double> OfBatch(IReadOnlyList<float> rewards)
    {
        var (mean, deviation) = Moments(rewards);
        return [.. rewards.Select(r => (r - mean) / (deviation + BatchFloor))];
    }

    /// <summary>
    /// Against the last rewards of the same prompt, this batch's included; where they are too few, against the batch.
    /// </summary>
    /// <param name="earlier">Of the batches before, the newest sample first; read as far as needed.</param>
    /// <param name="buffer">How many of a prompt's last rewards count.</param>
    /// <param name="minCount">How many there must be.</param>
    public static IReadOnlyList<double> OfPrompts(IReadOnlyList<string> prompts, IReadOnlyList<float> rewards,
        IEnumerable<(string Prompt, float Reward)> earlier, int buffer, int minCount)
    {
        var buffers = prompts.Distinct().ToDictionary(p => p, _ => new List<float>());
        var open = buffers.Count;
        foreach (var (prompt, reward) in prompts.Zip(rewards).Reverse().Concat(earlier))
        {
            if (buffers.TryGetValue(prompt, out var last) && last.Count < buffer)
            {
                last.Add(reward);
                open -= last.Count == buffer ? 1 : 0;
            }
            if (open == 0)
            {
                break;
            }
        }
        var batch = Moments(rewards);
        var moments = buffers.ToDictionary(b => b.Key, b => b.Value.Count < minCount ? batch : Moments(b.Value));
        return [.. prompts.Zip(rewards, (prompt, reward) =>
            (reward - moments[prompt].Mean) / (moments[prompt].Deviation + PromptFloor))];
    }

    private static (double Mean, double Deviation) Moments(IReadOnlyCollection<float> rewards)
    {
        var mean = rewards.Average(r => (double)r);
        return (mean, Math.Sqrt(rewards.Average(r => (r - mean) * (r - mean))));
    }
}
