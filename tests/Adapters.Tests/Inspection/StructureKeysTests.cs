using AlignProp.Adapters.Inspection;

namespace AlignProp.Adapters.Tests.Inspection;

/// <summary>Key lists written without torch, against files the reference libraries saved and the published totals.</summary>
public sealed class StructureKeysTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("structure-keys-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("unet", "diffusion_pytorch_model.safetensors")]
    [InlineData("vae", "diffusion_pytorch_model.safetensors")]
    [InlineData("clip_model", "model.safetensors")]
    [InlineData("clip_text", "model.safetensors")]
    public void They_are_those_of_files_saved_by_diffusers_and_transformers(string folder, string name)
    {
        var keys = StructureKeys.Of(JsonFacts.Load(Fixture.PathOf(folder, "config.json")))!;
        using var file = WeightFiles.Open(Fixture.PathOf(folder, name));
        var saved = file.Tensors.Where(t => !t.Key.EndsWith("position_ids", StringComparison.Ordinal))
            .ToDictionary(t => t.Key, t => t.Value.Shape);
        Assert.Equal(saved.Keys.Order(StringComparer.Ordinal), keys.Keys.Order(StringComparer.Ordinal));
        Assert.All(saved, t => Assert.Equal(t.Value, keys[t.Key]));
    }

    [Theory]
    [InlineData("sd15", "unet", 686, 859_520_964)]
    [InlineData("sd21", "unet", 686, 865_910_724)]
    [InlineData("sdxl", "unet", 1680, 2_567_463_684)]
    [InlineData("sd15", "vae", 248, 83_653_863)]
    [InlineData("sdxl", "vae", 248, 83_653_863)]
    [InlineData("sd15", "text_encoder", 196, 123_060_480)]
    [InlineData("sd21", "text_encoder", 372, 340_387_840)]
    [InlineData("sdxl", "text_encoder_2", 517, 694_659_840)]
    [InlineData("clip", "vit_l_14", 590, 427_616_513)]
    [InlineData("clip", "vit_h_14", 910, 986_109_441)]
    public void The_published_configurations_have_the_published_totals(string model, string part, int tensors, long parameters)
    {
        var keys = StructureKeys.Of(JsonFacts.Load(Fixture.PathOf("published", model, part + ".json")))!;
        Assert.Equal(tensors, keys.Count);
        Assert.Equal(parameters, keys.Values.Sum(shape => shape.Aggregate(1L, (a, b) => a * b)));
    }

    [Theory]
    [InlineData("""{"_class_name":"UNet2DConditionModel","class_embed_type":"timestep"}""")]
    [InlineData("""{"_class_name":"UNet2DConditionModel","block_out_channels":[]}""")]
    [InlineData("""{"_class_name":"UNet2DConditionModel","block_out_channels":"many"}""")]
    [InlineData("""{"_class_name":"UNet2DConditionModel","layers_per_block":2000000000}""")]
    [InlineData("""{"_class_name":"UNet2DConditionModel","down_block_types":"""
        + """["AttnDownBlock2D","DownBlock2D","DownBlock2D","DownBlock2D"]}""")]
    [InlineData("""{"_class_name":"UNet2DConditionModel","resnet_time_scale_shift":"scale_shift"}""")]
    [InlineData("""{"_class_name":"AutoencoderKL","layers_per_block":-5}""")]
    [InlineData("""{"model_type":"clip_text_model","num_hidden_layers":2000000000}""")]
    [InlineData("""{"model_type":"clip"}""")]
    [InlineData("""{"_class_name":"Transformer2DModel"}""")]
    public void What_these_structures_do_not_have_is_not_guessed_at(string config)
    {
        var path = Path.Combine(_folder, "config.json");
        File.WriteAllText(path, config);
        Assert.Null(StructureKeys.Of(JsonFacts.Load(path)));
    }
}
