namespace AlignProp.Adapters;

/// <summary>Starting weights of a run.</summary>
public static class LoraInitializer
{
    /// <summary>
    /// PEFT's <c>init_lora_weights="gaussian"</c>: A ~ N(0, (1/r)^2), B = 0, so that the adapter changes nothing at first.
    /// A module's A depends on the seed, its name, the rank and the size of its input only; the same on every platform.
    /// </summary>
    /// <param name="sites">The adapted layers.</param>
    /// <param name="rank">r, at least 1.</param>
    /// <param name="seed">Seed of the run.</param>
    /// <param name="alpha">Numerator of the scale; the rank if null, which is a scale of 1.</param>
    /// <exception cref="LoraShapeException">A module appears twice or has no features.</exception>
    public static LoraWeights Gaussian(IEnumerable<AdapterSite> sites, int rank, ulong seed, double? alpha = null)
    {
        ArgumentNullException.ThrowIfNull(sites);
        ArgumentOutOfRangeException.ThrowIfLessThan(rank, 1);
        return new LoraWeights(rank, alpha ?? rank, sites.SelectMany(site => Branch(site, rank, seed)));
    }

    private static LoraTensor[] Branch(AdapterSite site, int rank, ulong seed)
    {
        if (site.Shape.Any(size => size < 1))
        {
            throw new LoraShapeException(site.Module, $"has weights [{string.Join(", ", site.Shape)}]");
        }

        int[] downShape = site.DownShape(rank), upShape = site.UpShape(rank);
        var random = new DeterministicRandom(Seeds.Derive(seed, 0, 0, "lora-init:" + site.Module));
        var down = new float[downShape.Aggregate(1, (x, y) => x * y)];
        for (var i = 0; i < down.Length; i++)
        {
            down[i] = (float)(random.NextGaussian() / rank);
        }

        return
        [
            new LoraTensor(LoraNames.Down(site.Module), downShape, down),
            new LoraTensor(LoraNames.Up(site.Module), upShape, new float[site.Out * rank]),
        ];
    }
}
