namespace AlignProp.Adapters.Tests;

/// <summary>Small adapters for tests.</summary>
internal static class Examples
{
    public const string Query = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q";
    public const string Output = "mid_block.attentions.0.transformer_blocks.0.attn2.to_out.0";

    /// <summary>Two modules of odd sizes, so that vector loops have remainders; A and B random.</summary>
    public static LoraWeights Random(ulong seed, int rank = 3, double? alpha = null, double scale = 1)
    {
        var random = new DeterministicRandom(seed);
        float[] Fill(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)(scale * random.NextGaussian()))];
        return new LoraWeights(rank, alpha ?? rank,
        [
            new(LoraNames.Down(Query), [rank, 5], Fill(rank * 5)),
            new(LoraNames.Up(Query), [7, rank], Fill(7 * rank)),
            new(LoraNames.Down(Output), [rank, 11], Fill(rank * 11)),
            new(LoraNames.Up(Output), [5, rank], Fill(5 * rank)),
        ]);
    }

    /// <summary>What a module's branch adds to the base weight: scale * B A, [out, in] row-major, fp64.</summary>
    public static double[] Delta(LoraWeights weights, string module)
    {
        LoraTensor a = weights[LoraNames.Down(module)], b = weights[LoraNames.Up(module)];
        int inputs = a.Shape[1], rank = weights.Rank;
        var delta = new double[b.Shape[0] * inputs];
        for (var i = 0; i < delta.Length; i++)
        {
            delta[i] = weights.Scale * Enumerable.Range(0, rank)
                .Sum(k => (double)b.Values[i / inputs * rank + k] * a.Values[k * inputs + i % inputs]);
        }

        return delta;
    }

    public static void AssertSameDelta(LoraWeights expected, LoraWeights found, double tolerance)
    {
        Assert.Equal(expected.Modules, found.Modules);
        foreach (var module in expected.Modules)
        {
            var pairs = Delta(expected, module).Zip(Delta(found, module));
            Assert.All(pairs, p => Assert.Equal(p.First, p.Second, tolerance));
        }
    }

    public static void AssertSame(LoraWeights expected, LoraWeights found) => Assert.Equal(expected.Sha256, found.Sha256);
}
