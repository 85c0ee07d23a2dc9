namespace AlignProp.Adapters.Tests;

/// <summary>Every key and shape of every format, for whole adapters of Stable Diffusion 1.5 and of the shipped model.</summary>
public sealed class PublishedKeysTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("alignprop-keys-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    public static TheoryData<string, int, long> Models => new()
    {
        // 16 transformer blocks x 2 attentions x 4 projections; 5 blocks of 320 and 640 channels each, 6 of 1280; the shipped
        // model: 7 blocks.
        { "sd15", 128, 797_184 },
        { "emoji", 56, 46_592 },
    };

    [Theory]
    [MemberData(nameof(Models))]
    public void Diffusers(string model, int modules, long parameters)
    {
        var (layout, weights) = Adapter(model, modules, parameters);
        using var file = SafetensorsFile.Parse(DiffusersLoraFormat.Serialize(weights));
        AssertKeys(file,
            layout.SelectMany(m => new (string, long[])[] { ($"unet.{m.Module}.lora.down.weight", [4, m.In]),
            ($"unet.{m.Module}.lora.up.weight", [m.Out, 4]) }), 2 * modules);
        Assert.Equal(["format"], file.Metadata.Keys);
        Examples.AssertSame(weights, LoraFile.Import(file).Weights);
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Peft(string model, int modules, long parameters)
    {
        var (layout, weights) = Adapter(model, modules, parameters, alpha: 3);
        PeftLoraFormat.Write(_folder, weights, "some/model", [.. layout.Select(m => m.Module)]);
        using (var file = SafetensorsFile.Open(Path.Combine(_folder, PeftLoraFormat.FileName)))
        {
            AssertKeys(file, layout.SelectMany(m => new (string, long[])[]
            {
                ($"base_model.model.{m.Module}.lora_A.weight", [4, m.In]),
                    ($"base_model.model.{m.Module}.lora_B.weight", [m.Out, 4]),
            }), 2 * modules);
        }

        Examples.AssertSame(weights, LoraFile.Read(_folder));
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Kohya(string model, int modules, long parameters)
    {
        var (layout, weights) = Adapter(model, modules, parameters, alpha: 3);
        using var file = SafetensorsFile.Parse(KohyaLoraFormat.Serialize(weights));
        AssertKeys(file, layout.SelectMany(m =>
        {
            var name = "lora_unet_" + m.Module.Replace('.', '_');
            return new (string, long[])[] { ($"{name}.lora_down.weight", [4, m.In]), ($"{name}.lora_up.weight", [m.Out, 4]),
                ($"{name}.alpha", []) };
        }), 3 * modules);
        Assert.Equal(["modelspec.architecture", "modelspec.sai_model_spec", "ss_base_model_version", "ss_network_alpha",
            "ss_network_args", "ss_network_dim",
            "ss_network_module", "ss_v2", "sshs_legacy_hash", "sshs_model_hash"],
                file.Metadata.Keys.Order(StringComparer.Ordinal));
        Examples.AssertSame(weights, LoraFile.Import(file).Weights);
    }

    [Fact]
    public void The_shipped_models_layout_is_the_derived_one()
    {
        using var unet = SafetensorsFile.Open(
            Path.GetFullPath(Fixture.PathOf("..", "..", "models", "emoji-diffusion", "unet",
            "diffusion_pytorch_model.safetensors")));
        Assert.All(PublishedLayout.Emoji(), m => Assert.Equal([m.Out, m.In], unet.Tensors[m.Module + ".weight"].Shape));
        Assert.Equal(56,
            unet.Tensors.Keys.Count(k => k.Contains(".attn", StringComparison.Ordinal)
            && k.EndsWith(".weight", StringComparison.Ordinal)));
    }

    /// <summary>
    /// A published adapter of kohya's for SD 1.5 covers feed-forwards and projections too: 192 modules, the projections as 1 x 1
    /// convolutions.
    /// </summary>
    [Fact]
    public void A_whole_kohya_adapter_of_192_modules_is_read()
    {
        var attention = PublishedLayout.StableDiffusion15()
            .Select(m => (Module: m.Module, Down: new long[] { 8, m.In }, Up: new long[] { m.Out, 8 })).ToList();
        var blocks = attention.Where(m => m.Module.EndsWith("attn1.to_q", StringComparison.Ordinal))
            .Select(m => (Path: m.Module[..^".attn1.to_q".Length], Width: m.Up[0])).ToList();
        var others = blocks.SelectMany(b => new (string Module, long[] Down, long[] Up)[]
        {
            ($"{b.Path}.ff.net.0.proj", [8, b.Width], [8 * b.Width, 8]),
            ($"{b.Path}.ff.net.2", [8, 4 * b.Width], [b.Width, 8]),
            ($"{b.Path[..^".transformer_blocks.0".Length]}.proj_in", [8, b.Width, 1, 1], [b.Width, 8, 1, 1]),
            ($"{b.Path[..^".transformer_blocks.0".Length]}.proj_out", [8, b.Width, 1, 1], [b.Width, 8, 1, 1]),
        });
        var all = attention.Concat(others).ToList();
        var tensors = all.SelectMany(m =>
        {
            var name = "lora_unet_" + m.Module.Replace('.', '_');
            return new[]
            {
                TensorData.FromSingles($"{name}.lora_down.weight", m.Down, new float[m.Down.Aggregate(1L, (a, b) => a * b)]),
                TensorData.FromSingles($"{name}.lora_up.weight", m.Up, new float[m.Up.Aggregate(1L, (a, b) => a * b)]),
                TensorData.FromSingles($"{name}.alpha", [], [4]),
            };
        });
        using var file = SafetensorsFile.Parse(SafetensorsWriter.Serialize(tensors));
        var imported = LoraFile.Import(file);
        Assert.Equal(192, imported.Ranks.Count);
        Assert.Equal(all.Select(m => m.Module).Order(StringComparer.Ordinal), imported.Weights.Modules);
        Assert.Equal((8, 0.5), (imported.Weights.Rank, imported.Weights.Scale));
    }

    private static (IReadOnlyList<(string Module, int In, int Out)> Layout, LoraWeights Weights) Adapter(string model,
        int modules, long parameters, double? alpha = null)
    {
        var layout = model == "sd15" ? PublishedLayout.StableDiffusion15() : PublishedLayout.Emoji();
        var weights = LoraInitializer.Gaussian(layout.Select(m => new AdapterSite("unet", m.Module, [m.Out, m.In])), 4, 1, alpha)
            .Map(t => [.. t.Values.Select((v, i) => v + i * 1e-3f)]);
        Assert.Equal(modules, layout.Count);
        Assert.Equal(parameters, weights.ParameterCount);
        return (layout, weights);
    }

    private static void AssertKeys(SafetensorsFile file, IEnumerable<(string Key, long[] Shape)> expected, int count)
    {
        var keys = expected.OrderBy(e => e.Key, StringComparer.Ordinal).ToList();
        Assert.Equal(count, keys.Count);
        Assert.Equal(keys.Select(k => k.Key), file.Tensors.Keys.Order(StringComparer.Ordinal));
        Assert.All(keys, k => Assert.Equal(k.Shape, file.Tensors[k.Key].Shape));
        Assert.All(file.Tensors.Values, t => Assert.Equal(DType.F32, t.DType));
    }
}
