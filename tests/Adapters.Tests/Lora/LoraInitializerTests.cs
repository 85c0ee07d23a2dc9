namespace AlignProp.Adapters.Tests;

public sealed class LoraInitializerTests
{
    private static readonly AdapterSite[] Modules = [new("unet", "a.to_q", [64, 320]), new("unet", "b.to_k", [320, 768])];

    [Fact]
    public void A_is_normal_with_deviation_one_over_rank_and_B_is_zero()
    {
        var weights = LoraInitializer.Gaussian(Modules, 8, 42);
        var down = weights.Tensors.Where(t => t.Name.EndsWith("lora_A.weight", StringComparison.Ordinal))
            .SelectMany(t => t.Values).ToArray();
        Assert.Equal(0, down.Average(), 0.005);
        Assert.Equal(1.0 / 8, Math.Sqrt(down.Average(x => (double)x * x)), 0.003);
        Assert.Equal(0.6827, down.Count(x => Math.Abs(x) < 1.0 / 8) / (double)down.Length, 0.01);
        Assert.All(weights.Tensors.Where(t => t.Name.EndsWith("lora_B.weight", StringComparison.Ordinal))
            .SelectMany(t => t.Values), x => Assert.Equal(0, x));
        Assert.Equal([320, 8], weights["b.to_k.lora_B.weight"].Shape);
        Assert.Equal([8, 768], weights["b.to_k.lora_A.weight"].Shape);
        Assert.Equal(1, weights.Scale);
    }

    [Fact]
    public void A_module_does_not_depend_on_the_others()
    {
        var all = LoraInitializer.Gaussian(Modules, 4, 7);
        var alone = LoraInitializer.Gaussian([Modules[1]], 4, 7);
        Assert.Equal(all["b.to_k.lora_A.weight"].Values, alone["b.to_k.lora_A.weight"].Values);
        Examples.AssertSame(all, LoraInitializer.Gaussian([.. Modules.Reverse()], 4, 7));
        Assert.NotEqual(all.Sha256, LoraInitializer.Gaussian(Modules, 4, 8).Sha256);
    }

    [Fact]
    public void The_bytes_are_the_same_on_every_platform()
    {
        Assert.Equal("829a06334772e261", LoraInitializer.Gaussian(Modules, 4, 1234, alpha: 2).Sha256[..16]);
    }

    [Fact]
    public void Nonsense_is_refused()
    {
        Assert.Throws<LoraShapeException>(() => LoraInitializer.Gaussian([new AdapterSite("unet", "a", [1, 0])], 4, 1));
        Assert.Throws<LoraShapeException>(() =>
            LoraInitializer.Gaussian([new AdapterSite("unet", "a", [1, 1]), new AdapterSite("unet", "a", [1, 1])], 4, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => LoraInitializer.Gaussian(Modules, 0, 1));
    }
}
