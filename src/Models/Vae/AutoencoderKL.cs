using AlignProp.Models.Files;
using AlignProp.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace AlignProp.Models.Vae;

/// <summary>The keys of an AutoencoderKL config.json that shape the network.</summary>
public sealed record VaeConfig(int InChannels, int OutChannels, int LatentChannels, int[] BlockOutChannels, int LayersPerBlock,
    int NormNumGroups, double ScalingFactor, int SampleSize)
{
    public static VaeConfig Load(string path)
    {
        var json = JsonConfig.Load(path);
        json.Require("act_fn", "silu");
        return new VaeConfig(
            json.Int("in_channels", 3),
            json.Int("out_channels", 3),
            json.Int("latent_channels", 4),
            json.Ints("block_out_channels", [128, 256, 512, 512]),
            json.Int("layers_per_block", 2),
            json.Int("norm_num_groups", 32),
            json.Double("scaling_factor", 0.18215),
            json.Int("sample_size", 512));
    }

    /// <summary>Pixels per latent, e.g. 8 for Stable Diffusion.</summary>
    public int DownscaleFactor => 1 << (BlockOutChannels.Length - 1);
}

/// <summary>The image autoencoder of Stable Diffusion. Mirrors diffusers' AutoencoderKL, with its key names.</summary>
public sealed class AutoencoderKL : nn.Module
{
    private readonly VaeEncoder encoder;
    private readonly VaeDecoder decoder;
    private readonly Conv2d quant_conv;
    private readonly Conv2d post_quant_conv;

    public AutoencoderKL(VaeConfig config) : base(nameof(AutoencoderKL))
    {
        Config = config;
        encoder = new VaeEncoder(config);
        decoder = new VaeDecoder(config);
        quant_conv = nn.Conv2d(2 * config.LatentChannels, 2 * config.LatentChannels, 1);
        post_quant_conv = nn.Conv2d(config.LatentChannels, config.LatentChannels, 1);
        RegisterComponents();
    }

    public VaeConfig Config { get; }

    /// <summary>Dtype of the weights.</summary>
    public ScalarType WeightType => quant_conv.weight!.dtype;

    /// <param name="image">[B, 3, H, W] in [-1, 1].</param>
    /// <returns>Mean and log-variance (clamped to [-30, 20]) of the posterior, each [B, C, h, w], unscaled.</returns>
    public (Tensor Mean, Tensor LogVariance) Encode(Tensor image)
    {
        using var scope = NewDisposeScope();
        var moments = quant_conv.forward(encoder.forward(image)).chunk(2, 1);
        return (moments[0].MoveToOuterDisposeScope(), moments[1].clamp(-30, 20).MoveToOuterDisposeScope());
    }

    /// <param name="latent">[B, C, h, w], already divided by the scaling factor.</param>
    /// <returns>Image [B, 3, H, W], about [-1, 1], not clamped.</returns>
    public Tensor Decode(Tensor latent)
    {
        using var scope = NewDisposeScope();
        return decoder.forward(post_quant_conv.forward(latent)).MoveToOuterDisposeScope();
    }

    /// <summary>Parameters of the decoder side only, for fine-tuning it with a frozen encoder.</summary>
    public IEnumerable<Parameter> DecoderParameters() => decoder.parameters().Concat(post_quant_conv.parameters());

    /// <summary>Old files name the attention projections query, key, value, proj_attn.</summary>
    public static string RenameDeprecatedKey(string key) => key
        .Replace(".query.", ".to_q.", StringComparison.Ordinal)
        .Replace(".key.", ".to_k.", StringComparison.Ordinal)
        .Replace(".value.", ".to_v.", StringComparison.Ordinal)
        .Replace(".proj_attn.", ".to_out.0.", StringComparison.Ordinal);
}
