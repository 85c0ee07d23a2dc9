using AlignProp.Adapters.Inspection;

namespace AlignProp.Adapters.Tests;

/// <summary>A number that is not finite is found in every part that a loader reads, by file and key.</summary>
public sealed class FiniteFilesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("alignprop-finite-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("unet", "diffusion_pytorch_model")]
    [InlineData("vae", "diffusion_pytorch_model")]
    [InlineData("text_encoder", "model")]
    [InlineData("text_encoder_2", "model")]
    public void In_every_part_of_a_pipeline(string part, string stem)
    {
        File.WriteAllText(Path.Combine(_folder, "model_index.json"), "{}");
        foreach (var (name, file) in new[] { ("unet", "diffusion_pytorch_model"), ("vae", "diffusion_pytorch_model"),
            ("text_encoder", "model"), ("text_encoder_2", "model") })
        {
            Write(Path.Combine(name, file + ".safetensors"), ("w", name == part ? float.NaN : 1));
        }

        var problem = Assert.Single(FiniteFiles.Problems(_folder));
        Assert.Equal((Path.Combine(_folder, part, stem + ".safetensors"), "w"), (problem.Path, problem.Key));
        Assert.Same(problem.GetType(), Assert.Throws<WeightFileException>(() => FiniteFiles.Require(_folder)).GetType());
    }

    [Fact]
    public void In_shards()
    {
        Write("a.safetensors", ("a", 1));
        Write("b.safetensors", ("b", float.PositiveInfinity));
        File.WriteAllText(Path.Combine(_folder, "model.safetensors.index.json"),
            """{"weight_map": {"a": "a.safetensors", "b": "b.safetensors"}}""");
        Assert.Equal("b", Assert.Single(FiniteFiles.Problems(_folder)).Key);
    }

    [Fact]
    public void In_a_single_file_but_not_in_what_nobody_reads()
    {
        Write("all.safetensors", ("model.diffusion_model.w", float.NaN), ("first_stage_model.w", float.NegativeInfinity),
            ("model_ema.w", float.NaN), ("cond_stage_model.transformer.w", 1),
            ("sqrt_recip_alphas_cumprod", float.PositiveInfinity));
        Assert.Equal(["first_stage_model.w", "model.diffusion_model.w"],
            FiniteFiles.Problems(Path.Combine(_folder, "all.safetensors")).Select(p => p.Key).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void In_a_reward_and_the_model_it_names()
    {
        Write("reward/head.safetensors", ("layers.0.weight", float.NaN));
        Write("clip/model.safetensors", ("logit_scale", float.NaN));
        File.WriteAllText(Path.Combine(_folder, "reward", "config.json"), """{"clip": "../clip"}""");
        Assert.Equal(["layers.0.weight", "logit_scale"],
            FiniteFiles.Problems(Path.Combine(_folder, "reward")).Select(p => p.Key));
    }

    [Fact]
    public void What_is_no_weights_is_left_to_others()
    {
        File.WriteAllText(Path.Combine(_folder, "reward.pt"), "no zip");
        Assert.Empty(FiniteFiles.Problems(_folder));
        Assert.Empty(FiniteFiles.Problems(Path.Combine(_folder, "reward.pt")));
        Assert.Empty(FiniteFiles.Problems(Path.Combine(_folder, "nothing")));
    }

    private void Write(string name, params (string Key, float Value)[] tensors)
    {
        var path = Path.Combine(_folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        SafetensorsWriter.Write(path, tensors.Select(t => TensorData.FromSingles(t.Key, [1], [t.Value])));
    }
}
