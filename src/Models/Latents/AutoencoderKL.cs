using AlignProp.Adapters.Configurations;
using AlignProp.Models.Files;
using AlignProp.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace AlignProp.Models.Latents;

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
}
