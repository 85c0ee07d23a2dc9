namespace AlignProp.Adapters.Tests;

/// <summary>An adapter on every linear layer and convolution of the shipped model, in every format.</summary>
public sealed class EverySiteTests : IDisposable
{
    private static readonly AdapterSites Sites = SiteReader.Read(Path.Combine(Fixture.Root, "models", "emoji-diffusion"));

    private readonly string _folder = Directory.CreateTempSubdirectory("alignprop-sites-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Shapes_are_those_of_peft_and_kohya()
    {
        var weights = Weights();
        Assert.Equal([2, 4, 3, 3], weights["conv_in.lora_A.weight"].Shape);
        Assert.Equal([64, 2, 1, 1], weights["conv_in.lora_B.weight"].Shape);
        Assert.Equal([2, 128, 1, 1], weights["mid_block.attentions.0.proj_in.lora_A.weight"].Shape);
        Assert.Equal([2, 128], weights["mid_block.attentions.0.transformer_blocks.0.ff.net.0.proj.lora_A.weight"].Shape);
        Assert.Equal(Sites.Sum(s => s.Parameters(2)), weights.ParameterCount);
    }

    [Theory]
    [InlineData("own")]
    [InlineData("diffusers")]
    [InlineData("kohya")]
    [InlineData("peft")]
    public void They_come_back_as_they_went(string format)
    {
        var (weights, path) = (Weights(), Path.Combine(_folder, "adapter.safetensors"));
        switch (format)
        {
            case "own":
                weights.Save(path);
                break;
            case "diffusers":
                DiffusersLoraFormat.Write(path, weights);
                break;
            case "kohya":
                KohyaLoraFormat.Write(path, weights);
                break;
            default:
                PeftLoraFormat.Write(path = _folder, weights, "emoji-diffusion", [.. Sites.Select(s => s.Module)]);
                break;
        }
        Examples.AssertSame(weights, LoraFile.Read(path));
        Examples.AssertSame(weights, LoraFile.Import(path, Sites).Weights);
        using var file = WeightFiles.Open(format == "peft" ? Path.Combine(path, PeftLoraFormat.FileName) : path);
        Assert.All(Sites, site => Assert.Contains(format switch
        {
            "own" => $"{site.Module}.lora_A.weight",
            "diffusers" => $"{site.Diffusers}.lora.down.weight",
            "kohya" => $"{site.Kohya}.lora_down.weight",
            _ => $"{site.Peft}.lora_A.weight",
        }, file.Tensors.Keys));
    }

    [Fact]
    public void Peft_is_told_in_endings_which_layers_have_a_branch()
    {
        string[] Targets(IReadOnlyList<string> targets) =>
        [
            .. PeftLoraFormat.Config(LoraInitializer.Gaussian(Sites.Matching(targets), 2, 1), "x",
                [.. Sites.Select(s => s.Module)])["target_modules"]!
                .AsArray().Select(t => t!.GetValue<string>()),
        ];
        Assert.Equal(["conv_in", "net.2", "to_q"], Targets(["to_q", "conv_in", "net.2"]));
        Assert.Equal(Sites.Matching([AdapterSites.AllLinear]).Endings, Targets([AdapterSites.AllLinear]));
    }

    [Fact]
    public void Mixtures_add_up_for_convolutions_too()
    {
        var (one, two) = (Weights(1), Weights(2));
        var sum = LoraMixer.Sum((one, 0.5), (two, 0.25));
        foreach (var site in Sites)
        {
            var expected = Added(one, site).Zip(Added(two, site), (x, y) => 0.5f * x + 0.25f * y);
            Assert.All(Added(sum, site).Zip(expected), p => Assert.Equal(p.Second, p.First, 1e-5f));
        }
    }

    private static float[] Added(LoraWeights weights, AdapterSite site) => WeightMerger.Merge(new float[site.Out * site.Inputs],
        weights[LoraNames.Up(site.Module)].Values, weights[LoraNames.Down(site.Module)].Values, weights.Rank,
            (float)weights.Scale);

    private static LoraWeights Weights(ulong seed = 1)
    {
        var random = new DeterministicRandom(seed);
        return LoraInitializer.Gaussian(Sites, 2, seed).Map(t => [.. t.Values.Select(_ => (float)random.NextGaussian())]);
    }
}
