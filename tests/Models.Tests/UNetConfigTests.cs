using System.Text.Json;
using System.Text.Json.Nodes;
using AlignProp.Adapters;
using AlignProp.Adapters.Configurations;
using AlignProp.Models.Denoisers.UNet;

namespace AlignProp.Models.Tests;

public sealed class UNetConfigTests : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"unet-{Guid.NewGuid():N}.json");

    [Theory]
    [InlineData("act_fn", "\"tanh\"")]
    [InlineData("time_embedding_type", "\"fourier\"")]
    [InlineData("resnet_time_scale_shift", "\"ada_group\"")]
    [InlineData("mid_block_type", "\"UNetMidBlock2DSimpleCrossAttn\"")]
    [InlineData("dual_cross_attention", "true")]
    [InlineData("class_embed_type", "\"timestep\"")]
    [InlineData("addition_embed_type", "\"image\"")]
    [InlineData("addition_embed_type", "\"text_time\"")]
    [InlineData("encoder_hid_dim", "1024")]
    [InlineData("encoder_hid_dim_type", "\"text_proj\"")]
    [InlineData("time_cond_proj_dim", "256")]
    [InlineData("timestep_post_act", "\"silu\"")]
    [InlineData("time_embedding_act_fn", "\"silu\"")]
    [InlineData("attention_type", "\"gated\"")]
    [InlineData("class_embeddings_concat", "true")]
    [InlineData("downsample_padding", "2")]
    [InlineData("down_block_types", "[\"CrossAttnDownBlock2D\", \"AttnDownBlock2D\", \"DownBlock2D\", \"DownBlock2D\"]")]
    [InlineData("up_block_types", "[\"UpBlock2D\"]")]
    [InlineData("attention_head_dim", "[5, 10]")]
    [InlineData("attention_head_dim", "0")]
    [InlineData("cross_attention_dim", "[768, 768]")]
    [InlineData("transformer_layers_per_block", "[1, 2]")]
    [InlineData("transformer_layers_per_block", "[[1, 1], [1, 1], [1, 1], [1, 1]]")]
    [InlineData("only_cross_attention", "[true]")]
    [InlineData("norm_num_groups", "48")]
    [InlineData("sample_size", "[1, 2, 3]")]
    [InlineData("layers_per_block", "\"two\"")]
    public void What_would_be_another_network_is_refused_by_key_and_file(string key, string value)
    {
        var e = Assert.Throws<ModelFileException>(() => With((key, value)));
        Assert.Contains(_path, e.Message);
        Assert.Contains(key, e.Message);
    }

    [Fact]
    public void One_number_stands_for_all_levels_and_a_list_for_each()
    {
        var config = With(("attention_head_dim", "[2, 4, 8, 8]"), ("cross_attention_dim", "[64, 64, 128, 128]"),
            ("layers_per_block", "[1, 2, 3, 2]"),
            ("transformer_layers_per_block", "[1, 2, 3, 4]"), ("only_cross_attention", "[true, true, false, false]"));
        Assert.Equal([2, 4, 8, 8], config.Heads);
        Assert.Equal([64, 64, 128, 128], config.CrossAttentionDim);
        Assert.Equal([3, 3, 3], config.TransformerLayers[2]);
        Assert.Equal([4, 4, 4], config.UpTransformerLayers[0]);
        Assert.Equal([1, 1], config.UpTransformerLayers[3]);
        Assert.Equal(4, config.MidTransformerLayers);
        Assert.Equal([true, true, false, false], config.OnlyCrossAttention);
        Assert.Equal([8, 8, 8, 8], With().Heads);
    }

    [Fact]
    public void A_lopsided_network_says_both_ways()
    {
        var config = With(("transformer_layers_per_block", "[0, [2, 2], [4, 4], 1]"),
            ("reverse_transformer_layers_per_block", "[1, [4, 4, 10], [2, 1, 1], 1]"),
            ("mid_block_type", "\"UNetMidBlock2D\""));
        Assert.Equal([2, 2], config.TransformerLayers[1]);
        Assert.Equal([4, 4, 10], config.UpTransformerLayers[1]);
        Assert.Equal(MidBlockKind.Residual, config.MidBlock);
        Assert.Equal(MidBlockKind.None, With(("mid_block_type", "null")).MidBlock);
        Assert.Equal(MidBlockKind.CrossAttention, With().MidBlock);
    }

    [Fact]
    public void Other_spellings_mean_the_same()
    {
        Assert.Equal([4, 4, 4, 4], With(("num_attention_heads", "4"), ("attention_head_dim", "8")).Heads);
        Assert.Equal((48, 64), With(("sample_size", "[48, 64]")).SampleSize);
        Assert.False(With(("upcast_attention", "null")).UpcastAttention);
        Assert.Equal([false, true, true, true],
            With(("down_block_types",
            "[\"UNetResDownBlock2D\", \"CrossAttnDownBlock2D\", \"CrossAttnDownBlock2D\", \"CrossAttnDownBlock2D\"]"))
            .DownAttention);
    }

    public void Dispose() => File.Delete(_path);

    private UNetConfig With(params (string Key, string Value)[] changes)
    {
        var json = (JsonObject)JsonNode.Parse(File.ReadAllText(PublishedStructureTests.File("sd15", "unet")))!;
        foreach (var (key, value) in changes)
        {
            json[key] = JsonNode.Parse(value);
        }
        File.WriteAllText(_path, JsonSerializer.Serialize(json));
        return UNetConfig.Load(_path);
    }
}
