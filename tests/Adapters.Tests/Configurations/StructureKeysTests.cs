using System.Text;
using AlignProp.Adapters.Configurations;

namespace AlignProp.Adapters.Tests.Configurations;

/// <summary>Key lists written without torch, against files the reference libraries saved and the published totals.</summary>
public sealed class StructureKeysTests
{
    [Theory]
    [InlineData("unet", "diffusion_pytorch_model.safetensors")]
    [InlineData("vae", "diffusion_pytorch_model.safetensors")]
    [InlineData("clip_model", "model.safetensors")]
    [InlineData("clip_text", "model.safetensors")]
    public void They_are_those_of_files_saved_by_diffusers_and_transformers(string folder, string name) =>
        Compare(Of(JsonConfig.Load(Fixture.PathOf(folder, "config.json")))!, Fixture.PathOf(folder, name));

    public static TheoryData<string> Variants =>
        [.. Directory.GetDirectories(Fixture.PathOf("golden", "unets")).Select(d => Path.GetFileName(d))
            .Order(StringComparer.Ordinal)];

    /// <summary>One setting at a time: kernels, classes, mid blocks, transformer layers ...</summary>
    [Theory]
    [MemberData(nameof(Variants))]
    public void A_variant_of_the_UNet_has_the_keys_that_diffusers_saved(string name)
    {
        var folder = Fixture.PathOf("golden", "unets", name);
        Compare(Of(JsonConfig.Load(Path.Combine(folder, "config.json")))!, folder);
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
        var keys = Of(JsonConfig.Load(Fixture.PathOf("published", model, part + ".json")))!;
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
    [InlineData("""{"_class_name":"AutoencoderKL","layers_per_block":-5}""")]
    [InlineData("""{"model_type":"clip_text_model","num_hidden_layers":2000000000}""")]
    [InlineData("""{"model_type":"clip","vision_config":{"patch_size":0}}""")]
    public void What_these_structures_do_not_have_is_refused_or_not_guessed_at(string config)
    {
        var json = JsonConfig.Parse("config.json", Encoding.UTF8.GetBytes(config));
        IReadOnlyDictionary<string, long[]>? keys = null;
        var refused = Record.Exception(() => keys = Of(json));
        Assert.True(refused is ModelFileException || (refused is null && keys is null), refused?.ToString());
    }

    private static IReadOnlyDictionary<string, long[]>? Of(JsonConfig json) => json.Value("_class_name") switch
    {
        "UNet2DConditionModel" => StructureKeys.UNet(UNetConfigReader.Read(json)),
        "AutoencoderKL" => StructureKeys.Vae(VaeConfig.Read(json)),
        _ when json.Value("model_type") == "clip" || json.Value("architectures") == "[\"CLIPModel\"]" =>
            StructureKeys.Clip(ClipConfig.Read(json)),
        _ => StructureKeys.Text(ClipTextConfig.ReadEncoder(json),
            json.Value("architectures").Contains("WithProjection", StringComparison.Ordinal)),
    };

    private static void Compare(IReadOnlyDictionary<string, long[]> keys, string path)
    {
        using var file = WeightFiles.Open(path);
        var saved = file.Tensors.Where(t => !t.Key.EndsWith("position_ids", StringComparison.Ordinal))
            .ToDictionary(t => t.Key, t => t.Value.Shape);
        Assert.Equal(saved.Keys.Order(StringComparer.Ordinal), keys.Keys.Order(StringComparer.Ordinal));
        Assert.All(saved, t => Assert.Equal(t.Value, keys[t.Key]));
    }
}
