using System.IO.Compression;
using AlignProp.Adapters;
using AlignProp.Adapters.Configurations;
using AlignProp.Models.Blip;
using AlignProp.Models.Clip;
using AlignProp.Models.Denoisers.UNet;
using AlignProp.Models.Latents;
using AlignProp.Models.Layers;
using AlignProp.Models.OwlVit;
using AlignProp.Models.Rewards;
using AlignProp.Models.Samplers;
using static TorchSharp.torch;

namespace AlignProp.Models.Tests;

/// <summary>Full-size structures from the published configurations, without memory: names, shapes, totals.</summary>
[Collection(FixtureCollection.Name)]
public class PublishedStructureTests
{
    [Theory]
    [InlineData("sd15", 686, 859_520_964)]
    [InlineData("sd21", 686, 865_910_724)]
    [InlineData("sdxl", 1680, 2_567_463_684)]
    public void The_UNet_has_the_published_size(string model, int tensors, long parameters) =>
        Check(UNet(model), tensors, parameters);

    [Theory]
    [InlineData("sd15")]
    [InlineData("sd21")]
    [InlineData("sdxl")]
    public void The_VAE_has_the_published_size(string model) =>
        Check(Parts.Blueprint(() => new AutoencoderKL(VaeConfig.Load(File(model, "vae")))), 248, 83_653_863);

    [Theory]
    [InlineData("sd15", "text_encoder", false, 196, 123_060_480)]
    [InlineData("sd21", "text_encoder", false, 372, 340_387_840)]
    [InlineData("sdxl", "text_encoder", false, 196, 123_060_480)]
    [InlineData("sdxl", "text_encoder_2", true, 517, 694_659_840)]
    public void The_text_encoder_has_the_published_size(string model, string part, bool projection, int tensors,
        long parameters) =>
        Check(Parts.Blueprint(() => new ClipTextModel(ClipTextConfig.Load(File(model, part)), projection)), tensors, parameters);

    [Theory]
    [InlineData("vit_l_14", 590, 427_616_513)]
    [InlineData("vit_h_14", 910, 986_109_441)]
    public void CLIP_has_the_published_size(string model, int tensors, long parameters) =>
        Check(Parts.Blueprint(() => new ClipModel(ClipConfig.Load(File("clip", model)))), tensors, parameters);

    /// <summary>Every key and shape of the reference classes at full size (tests/fixtures/golden/keys.tsv.gz).</summary>
    [Theory]
    [InlineData("sd15/unet")]
    [InlineData("sd21/unet")]
    [InlineData("sdxl/unet")]
    [InlineData("sd15/vae")]
    [InlineData("sd21/vae")]
    [InlineData("sdxl/vae")]
    [InlineData("sd15/text_encoder")]
    [InlineData("sd21/text_encoder")]
    [InlineData("sdxl/text_encoder")]
    [InlineData("sdxl/text_encoder_2")]
    [InlineData("clip/vit_l_14")]
    [InlineData("clip/vit_h_14")]
    [InlineData("openclip-vit-h-14")]
    [InlineData("owlvit-base-patch32")]
    [InlineData("imagereward")]
    public void Every_key_and_shape_is_the_reference_classes(string model)
    {
        using var module = Parts.Blueprint(() => Build(model));
        var ours = module.named_parameters().Select(p => $"{p.name} [{string.Join(',', p.parameter.shape)}]")
            .Order(StringComparer.Ordinal).ToList();
        Assert.Equal(ReferenceKeys(model).SelectMany(k => Renamed(model, k.Name, k.Shape)).Order(StringComparer.Ordinal), ours);
    }

    [Theory]
    [InlineData("sd15", "down_blocks.2.attentions.1.transformer_blocks.0.attn2.to_v.weight", 1280, 768)]
    [InlineData("sd15", "up_blocks.1.resnets.2.conv1.weight", 1280, 1920, 3, 3)]
    [InlineData("sd15", "mid_block.attentions.0.proj_in.weight", 1280, 1280, 1, 1)]
    [InlineData("sd15", "up_blocks.3.attentions.2.transformer_blocks.0.ff.net.0.proj.weight", 2560, 320)]
    [InlineData("sd15", "time_embedding.linear_1.weight", 1280, 320)]
    [InlineData("sd21", "down_blocks.0.attentions.0.proj_in.weight", 320, 320)]
    [InlineData("sd21", "up_blocks.3.attentions.0.transformer_blocks.0.attn2.to_k.weight", 320, 1024)]
    [InlineData("sdxl", "add_embedding.linear_1.weight", 1280, 2816)]
    [InlineData("sdxl", "mid_block.attentions.0.transformer_blocks.9.attn2.to_k.weight", 1280, 2048)]
    [InlineData("sdxl", "up_blocks.1.attentions.2.transformer_blocks.1.attn1.to_out.0.bias", 640)]
    [InlineData("sdxl", "down_blocks.0.downsamplers.0.conv.weight", 320, 320, 3, 3)]
    public void Keys_have_the_published_shapes(string model, string key, params int[] shape) =>
        Assert.Equal(shape.Select(s => (long)s), UNet(model).named_parameters().Single(p => p.name == key).parameter.shape);

    [Fact]
    public void Heads_are_what_attention_head_dim_says()
    {
        Assert.Equal([8, 8, 8, 8], UNetConfig.Load(File("sd15", "unet")).Heads);
        Assert.Equal([5, 10, 20, 20], UNetConfig.Load(File("sd21", "unet")).Heads);
    }

    [Fact]
    public void Sd_2_predicts_v_and_the_others_noise()
    {
        Assert.Equal(SchedulerConfig.StableDiffusion, SchedulerConfig.Load(File("sd15", "scheduler")));
        Assert.Equal(SchedulerConfig.StableDiffusion with { PredictionType = "v_prediction" },
            SchedulerConfig.Load(File("sd21", "scheduler")));
        Assert.Equal(SchedulerConfig.StableDiffusion, SchedulerConfig.Load(File("sdxl", "scheduler")));
    }

    [Fact]
    public void The_VAE_of_sdxl_stays_in_single_precision()
    {
        Assert.True(VaeConfig.Load(File("sdxl", "vae")).ForceUpcast);
        Assert.Equal(0.13025, VaeConfig.Load(File("sdxl", "vae")).ScalingFactor);
        Assert.False(VaeConfig.Load(File("sd15", "vae")).ForceUpcast);
    }

    internal static UNet2DConditionModel UNet(string model) =>
        Parts.Blueprint(() => new UNet2DConditionModel(UNetConfig.Load(File(model, "unet"))));

    internal static string File(string model, string part) => Fixture.Path("published", model, part + ".json");

    private static nn.Module Build(string model)
    {
        var parts = model.Split('/');
        return parts switch
        {
            ["clip", var name] => new ClipModel(ClipConfig.Load(File("clip", name))),
            [var kind, "unet"] => new UNet2DConditionModel(UNetConfig.Load(File(kind, "unet"))),
            [var kind, "vae"] => new AutoencoderKL(VaeConfig.Load(File(kind, "vae"))),
            [var kind, var part] =>
                new ClipTextModel(ClipTextConfig.Load(File(kind, part)), projection: part == "text_encoder_2"),
            ["openclip-vit-h-14"] => new ClipModel(ClipConfig.OpenClipViTH14),
            ["owlvit-base-patch32"] => new OwlViTModel(
                new ClipConfig(new ClipTextConfig(49408, 512, 2048, 12, 8, 16, "quick_gelu", 1e-5, 2),
                new ClipVisionConfig(768, 3072, 12, 12, 768, 32, "quick_gelu", 1e-5), 512)),
            _ => new ImageRewardModel(new BlipVisionConfig(), new BlipTextConfig(30524, 768, 3072, 12, 12, 512, 1e-12)),
        };
    }

    private static IEnumerable<(string Name, long[] Shape)> ReferenceKeys(string model)
    {
        using var text = new StreamReader(new GZipStream(System.IO.File.OpenRead(Fixture.Path("golden", "keys.tsv.gz")),
            CompressionMode.Decompress));
        var rows = text.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t'))
            .Where(row => row[0] == model).ToList();
        Assert.NotEmpty(rows);
        return rows.Select(row =>
            (row[1], row[2].Split(',', StringSplitOptions.RemoveEmptyEntries).Select(long.Parse).ToArray()));
    }

    /// <summary>
    /// As the loaders read them: under our names, q, k and v apart, OpenCLIP's projections transposed; nothing for what is not
    /// read.
    /// </summary>
    private static IEnumerable<string> Renamed(string model, string key, long[] shape)
    {
        if (model == "openclip-vit-h-14")
        {
            var targets = OpenClipNames.Targets(key);
            long[] part = key is "visual.proj" or "text_projection" ? [.. shape.Reverse()] : targets.Count > 1
                ? [shape[0] / targets.Count, .. shape[1..]] : shape;
            return targets.Select(t => $"{t} [{string.Join(',', part)}]");
        }
        var name = model switch
        {
            "owlvit-base-patch32" => OwlViTModel.Rename(key),
            "imagereward" => ImageRewardModel.Rename(key),
            _ => key,
        };
        return name is null ? [] : [$"{name} [{string.Join(',', shape)}]"];
    }

    private static void Check(nn.Module module, int tensors, long parameters)
    {
        using (module)
        {
            var all = module.named_parameters().ToList();
            Assert.Equal(tensors, all.Count);
            Assert.Equal(parameters, all.Sum(p => p.parameter.numel()));
        }
    }
}
