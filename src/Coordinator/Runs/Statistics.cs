namespace AlignProp.Coordinator.Runs;

/// <summary>Small statistics of rewards and features.</summary>
public static class Statistics
{
    public static (double Mean, double Std) MeanAndStd(IReadOnlyCollection<float> values)
    {
        var mean = values.Average(v => (double)v);
        return (mean, Math.Sqrt(values.Average(v => (v - mean) * (v - mean))));
    }

    /// <summary>
    /// Mean cosine distance (0..2) between features of different prompts: 0 when every prompt shows the same picture.
    /// </summary>
    public static double Diversity(IReadOnlyList<(string Prompt, float[] Features)> samples)
    {
        var (sum, pairs) = (0.0, 0);
        for (var i = 0; i < samples.Count; i++)
        {
            for (var j = 0; j < i; j++)
            {
                if (samples[i].Prompt != samples[j].Prompt)
                {
                    sum += 1 - samples[i].Features.Zip(samples[j].Features, (a, b) => (double)a * b).Sum();
                    pairs++;
                }
            }
        }
        return pairs == 0 ? 0 : sum / pairs;
    }
}
