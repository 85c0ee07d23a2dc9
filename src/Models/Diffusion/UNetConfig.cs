using AlignProp.Models.Files;

namespace AlignProp.Models.Diffusion;

/// <summary>The keys of a UNet2DConditionModel config.json that shape the network.</summary>
public sealed record UNetConfig(
    int InChannels,
    int OutChannels,
    int SampleSize,
    int[] BlockOutChannels,
    string[] DownBlockTypes,
    string[] UpBlockTypes,
    int[] LayersPerBlock,
    int[] TransformerLayers,
    int[] Heads,
    int CrossAttentionDim,
    int NormNumGroups,
    double NormEps,
    bool FlipSinToCos,
    double FreqShift,
    bool UseLinearProjection)
{
    /// <exception cref="ModelFileException">A value is of the wrong type, or names a structure that is not implemented.</exception>
    public static UNetConfig Load(string path)
    {
        var json = JsonConfig.Load(path);
        json.Require("act_fn", "silu");
        json.Require("time_embedding_type", "positional");
        json.Require("resnet_time_scale_shift", "default");
        json.Require("mid_block_type", "UNetMidBlock2DCrossAttn");
        json.Require("dual_cross_attention", "False");
        json.Require("class_embed_type", "none");
        json.Require("addition_embed_type", "none");
        json.Require("only_cross_attention", "False");
        var channels = json.Ints("block_out_channels", [320, 640, 1280, 1280]);
        var levels = channels.Length;
        // diffusers' historic misnomer: without num_attention_heads, attention_head_dim IS the number of heads.
        var heads = json.Has("num_attention_heads")
            ? json.IntPerLevel("num_attention_heads", levels, 8)
            : json.IntPerLevel("attention_head_dim", levels, 8);
        return new UNetConfig(
            json.Int("in_channels", 4),
            json.Int("out_channels", 4),
            json.Int("sample_size", 64),
            channels,
            json.Texts("down_block_types", ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"]),
            json.Texts("up_block_types", ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"]),
            json.IntPerLevel("layers_per_block", levels, 2),
            json.IntPerLevel("transformer_layers_per_block", levels, 1),
            heads,
            json.Int("cross_attention_dim", 1280),
            json.Int("norm_num_groups", 32),
            json.Double("norm_eps", 1e-5),
            json.Bool("flip_sin_to_cos", true),
            json.Double("freq_shift", 0),
            json.Bool("use_linear_projection", false));
    }
}
