namespace AlignProp.Adapters;

/// <summary>Starting weights of a run.</summary>
public static class LoraInitializer
{
    /// <summary>
    /// PEFT's <c>init_lora_weights="gaussian"</c>: A ~ N(0, (1/r)^2), B = 0, so that the adapter changes nothing at first.
    /// A module's A depends on the seed, its name, the rank and its input size only; the same on every platform.
    /// </summary>
    /// <param name="modules">Name, input and output features of each adapted module.</param>
    /// <param name="rank">r, at least 1.</param>
    /// <param name="seed">Seed of the run.</param>
    /// <param name="alpha">Numerator of the scale; the rank if null, which is a scale of 1.</param>
    /// <exception cref="LoraShapeException">A module appears twice or has no features.</exception>
    public static LoraWeights Gaussian(IReadOnlyList<(string Module, int In, int Out)> modules, int rank, ulong seed, double? alpha = null)
    {
        ArgumentNullException.ThrowIfNull(modules);
        ArgumentOutOfRangeException.ThrowIfLessThan(rank, 1);
        return new LoraWeights(rank, alpha ?? rank, modules.SelectMany(m => Branch(m.Module, m.In, m.Out, rank, seed)));
    }

    private static LoraTensor[] Branch(string module, int inputs, int outputs, int rank, ulong seed)
    {
        if (inputs < 1 || outputs < 1)
        {
            throw new LoraShapeException(module, $"has {inputs} inputs and {outputs} outputs");
        }

        var random = new DeterministicRandom(Seeds.Derive(seed, 0, 0, "lora-init:" + module));
        var down = new float[rank * inputs];
        for (var i = 0; i < down.Length; i++)
        {
            down[i] = (float)(random.NextGaussian() / rank);
        }

        return
        [
            new LoraTensor(LoraNames.Down(module), [rank, inputs], down),
            new LoraTensor(LoraNames.Up(module), [outputs, rank], new float[outputs * rank]),
        ];
    }
}
