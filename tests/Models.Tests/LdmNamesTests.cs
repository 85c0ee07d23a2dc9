using System.IO.Compression;
using System.Text.RegularExpressions;
using AlignProp.Adapters;
using AlignProp.Adapters.Configurations;
using AlignProp.Models.Clip;
using AlignProp.Models.Denoisers.UNet;
using AlignProp.Models.Latents;
using AlignProp.Models.Layers;

namespace AlignProp.Models.Tests;

/// <summary>Single-file keys against diffusers' structures.</summary>
[Collection(FixtureCollection.Name)]
public class LdmNamesTests
{
    private static readonly int[] Four = [1, 2, 4, 4];

    [Theory]
    [InlineData("sd15", 768, false)]
    [InlineData("sd21", 1024, true)]
    public void Every_key_of_the_four_level_UNets_maps_to_one_of_ours_of_the_same_shape(string model, int context, bool linear) =>
        CheckUNet(model, CompVisUNet.Keys(320, Four, 2, [1, 1, 1, 0], 1, context, linear));

    [Fact]
    public void So_does_every_key_of_SDXL() =>
        CheckUNet("sdxl", CompVisUNet.Keys(320, [1, 2, 4], 2, [0, 2, 10], 10, 2048, linear: true, labels: 2816));

    [Theory]
    [InlineData("sd15", 768, false)]
    [InlineData("sd21", 1024, true)]
    [InlineData("sdxl", 2048, true)]
    public void The_structure_is_read_off_the_shapes(string model, int context, bool linear)
    {
        var keys = model == "sdxl"
            ? CompVisUNet.Keys(320, [1, 2, 4], 2, [0, 2, 10], 10, context, linear, labels: 2816)
            : CompVisUNet.Keys(320, Four, 2, [1, 1, 1, 0], 1, context, linear);
        var found = new LdmStructure(keys.ToDictionary(k => LdmNames.UNetPrefix + k.Key, k => k.Value), "file").UNet();
        var published = UNetConfig.Load(PublishedStructureTests.File(model, "unet"));
        Assert.Equal(published.Heads, found.Heads);
        Assert.Equal(published.BlockOutChannels, found.BlockOutChannels);
        Assert.Equal(published.DownAttention, found.DownAttention);
        Assert.Equal(published.UpAttention, found.UpAttention);
        Assert.Equal(published.CrossAttentionDim, found.CrossAttentionDim);
        Assert.Equal(published.MidTransformerLayers, found.MidTransformerLayers);
        Assert.Equal(published.SampleSize, found.SampleSize);
        Assert.Equal(published.UseLinearProjection, found.UseLinearProjection);
        Assert.Equal(published.TextTime, found.TextTime);
        Assert.Equal(Names(published), Names(found));
    }

    [Theory]
    [InlineData("encoder.down.0.block.1.norm1.weight", "encoder.down_blocks.0.resnets.1.norm1.weight")]
    [InlineData("encoder.down.1.block.0.nin_shortcut.bias", "encoder.down_blocks.1.resnets.0.conv_shortcut.bias")]
    [InlineData("encoder.down.2.downsample.conv.weight", "encoder.down_blocks.2.downsamplers.0.conv.weight")]
    [InlineData("decoder.up.3.block.2.conv2.weight", "decoder.up_blocks.0.resnets.2.conv2.weight")]
    [InlineData("decoder.up.0.block.0.nin_shortcut.weight", "decoder.up_blocks.3.resnets.0.conv_shortcut.weight")]
    [InlineData("decoder.up.1.upsample.conv.bias", "decoder.up_blocks.2.upsamplers.0.conv.bias")]
    [InlineData("decoder.mid.block_2.conv1.weight", "decoder.mid_block.resnets.1.conv1.weight")]
    [InlineData("encoder.mid.attn_1.proj_out.weight", "encoder.mid_block.attentions.0.to_out.0.weight")]
    [InlineData("encoder.mid.attn_1.q.bias", "encoder.mid_block.attentions.0.to_q.bias")]
    [InlineData("decoder.mid.attn_1.norm.weight", "decoder.mid_block.attentions.0.group_norm.weight")]
    [InlineData("decoder.norm_out.weight", "decoder.conv_norm_out.weight")]
    [InlineData("post_quant_conv.weight", "post_quant_conv.weight")]
    public void Keys_of_the_VAE(string there, string here) => Assert.Equal(here, LdmNames.Vae(there, 4));

    [Fact]
    public void Every_key_of_the_VAE_comes_from_one_there()
    {
        using var vae = Parts.Blueprint(() => new AutoencoderKL(VaeConfig.Load(PublishedStructureTests.File("sd15", "vae"))));
        var names = vae.named_parameters().Select(p => p.name).ToList();
        Assert.Equal(names.Order(), names.Select(n => LdmNames.Vae(ToCompVis(n, 4), 4)).Order());
    }

    /// <summary>
    /// Every key of the full-size models, as diffusers' own converters name it in a single file (tests/fixtures/golden/names).
    /// </summary>
    [Theory]
    [InlineData("sd15", 1130)]
    [InlineData("sd21", 1214)]
    [InlineData("sdxl", 2513)]
    public void Keys_agree_with_diffusers_converters(string model, int count)
    {
        using var text = new StreamReader(new GZipStream(File.OpenRead(Fixture.Path("golden", "names", $"{model}.tsv.gz")),
            CompressionMode.Decompress));
        var pairs = text.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t')).ToList();
        Assert.Equal(count, pairs.Count);
        var modules = LdmNames.UNetModules(LdmLevels.Of(pairs.Select(p => p[0])));
        Assert.All(pairs, pair => Assert.Equal(pair[1], Here(pair[0])));

        string Here(string key)
        {
            (string Prefix, Func<string, string> Name)[] parts =
            [
                (LdmNames.UNetPrefix, k => "unet/" + LdmNames.UNet(k, modules)),
                (LdmNames.VaePrefix, k => "vae/" + LdmNames.Vae(k, 4)),
                ("cond_stage_model.transformer.", k => "text_encoder/" + k),
                ("conditioner.embedders.0.transformer.", k => "text_encoder/" + k),
                ("cond_stage_model.model.", k => "text_encoder/" + string.Join('+', OpenClipNames.Targets(k))),
                ("conditioner.embedders.1.model.", k => "text_encoder_2/" + string.Join('+', OpenClipNames.Targets(k))),
            ];
            var (prefix, name) = parts.Single(p => key.StartsWith(p.Prefix, StringComparison.Ordinal));
            return name(key[prefix.Length..]);
        }
    }

    /// <summary>The way back, as CompVis' Encoder and Decoder name their parts.</summary>
    internal static string ToCompVis(string key, int levels)
    {
        key = Regex.Replace(key, @"^decoder\.up_blocks\.(\d+)\.",
            m => $"decoder.up.{levels - 1 - int.Parse(m.Groups[1].Value)}.");
        key = key.Replace("encoder.down_blocks.", "encoder.down.").Replace(".resnets.", ".block.")
            .Replace(".downsamplers.0.", ".downsample.").Replace(".upsamplers.0.", ".upsample.");
        key = key.Replace(".mid_block.block.0.", ".mid.block_1.").Replace(".mid_block.block.1.", ".mid.block_2.")
            .Replace(".mid_block.attentions.0.", ".mid.attn_1.");
        key = key.Replace(".attn_1.group_norm.", ".attn_1.norm.").Replace(".to_q.", ".q.").Replace(".to_k.", ".k.")
            .Replace(".to_v.", ".v.").Replace(".to_out.0.", ".proj_out.");
        return key.Replace(".conv_shortcut.", ".nin_shortcut.").Replace(".conv_norm_out.", ".norm_out.");
    }

    private static void CheckUNet(string model, SortedDictionary<string, long[]> there)
    {
        var config = UNetConfig.Load(PublishedStructureTests.File(model, "unet"));
        var modules = LdmNames.UNetModules(LdmLevels.Of(there.Keys.Select(k => LdmNames.UNetPrefix + k)));
        var mapped = there.Select(k => $"{LdmNames.UNet(k.Key, modules)} [{string.Join(", ", k.Value)}]")
            .Order(StringComparer.Ordinal);
        Assert.Equal(Names(config), mapped);
    }

    private static IEnumerable<string> Names(UNetConfig config)
    {
        using var unet = Parts.Blueprint(() => new UNet2DConditionModel(config));
        return unet.named_parameters().Select(p => $"{p.name} [{string.Join(", ", p.parameter.shape)}]")
            .Order(StringComparer.Ordinal).ToList();
    }
}
