using AlignProp.Models.Files;
using AlignProp.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace AlignProp.Models.Latents;

/// <summary>The keys of an AutoencoderKL config.json that shape the network.</summary>
public sealed record VaeConfig(int InChannels, int OutChannels, int LatentChannels, int[] BlockOutChannels, int LayersPerBlock,
    int NormNumGroups, double ScalingFactor, int SampleSize)
{
    /// <summary>The VAE overflows in fp16 (SDXL's says so): its weights stay in fp32 whatever the model's precision.</summary>
    public bool ForceUpcast { get; init; }

    /// <exception cref="ModelFileException">
    /// A value is of the wrong type, or names a structure that is not implemented.
    /// </exception>
    public static VaeConfig Load(string path)
    {
        var json = JsonConfig.Load(path);
        json.Require("act_fn", "silu");
        foreach (var key in new[] { "latents_mean", "latents_std", "shift_factor" })
        {
            json.Require(key, "null");
        }
        foreach (var key in new[] { "use_quant_conv", "use_post_quant_conv", "mid_block_add_attention" })
        {
            json.Require(key, "True");
        }
        RequireBlocks(json, "down_block_types", "DownEncoderBlock2D");
        RequireBlocks(json, "up_block_types", "UpDecoderBlock2D");
        return new VaeConfig(
            json.Int("in_channels", 3),
            json.Int("out_channels", 3),
            json.Int("latent_channels", 4),
            json.Ints("block_out_channels", [128, 256, 512, 512]),
            json.Int("layers_per_block", 2),
            json.Int("norm_num_groups", 32),
            json.Double("scaling_factor", 0.18215),
            json.Int("sample_size", 512))
        {
            ForceUpcast = json.Bool("force_upcast", false),
        };
    }

    private static void RequireBlocks(JsonConfig json, string key, string only)
    {
        foreach (var type in json.Texts(key, []).Where(t => t != only))
        {
            throw json.Wrong(key, type, only);
        }
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
        quant_conv = Parts.Conv2d(2 * config.LatentChannels, 2 * config.LatentChannels, 1);
        post_quant_conv = Parts.Conv2d(config.LatentChannels, config.LatentChannels, 1);
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

    /// <summary><see cref="Decode"/> as a chain of functions.</summary>
    public IReadOnlyList<Func<Tensor, Tensor>> DecoderStages() => [post_quant_conv.forward, .. decoder.Stages()];

    /// <summary>Parameters of the decoder side only, for fine-tuning it with a frozen encoder.</summary>
    public IEnumerable<Parameter> DecoderParameters() => decoder.parameters().Concat(post_quant_conv.parameters());

    /// <summary>Old files name the attention projections query, key, value, proj_attn.</summary>
    public static string RenameDeprecatedKey(string key) => key
        .Replace(".query.", ".to_q.", StringComparison.Ordinal)
        .Replace(".key.", ".to_k.", StringComparison.Ordinal)
        .Replace(".value.", ".to_v.", StringComparison.Ordinal)
        .Replace(".proj_attn.", ".to_out.0.", StringComparison.Ordinal);
}
