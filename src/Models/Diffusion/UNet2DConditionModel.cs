using AlignProp.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace AlignProp.Models.Diffusion;

/// <summary>The denoiser of Stable Diffusion 1.x/2.x. Mirrors diffusers' UNet2DConditionModel, with its key names.</summary>
public sealed class UNet2DConditionModel : nn.Module<Tensor, Tensor, Tensor, Tensor>
{
    private readonly Conv2d conv_in;
    private readonly TimestepEmbedding time_embedding;
    private readonly ModuleList<DownBlock2D> down_blocks;
    private readonly UNetMidBlock2DCrossAttn mid_block;
    private readonly ModuleList<UpBlock2D> up_blocks;
    private readonly GroupNorm conv_norm_out;
    private readonly Conv2d conv_out;

    public UNet2DConditionModel(UNetConfig config) : base(nameof(UNet2DConditionModel))
    {
        Config = config;
        var channels = config.BlockOutChannels;
        var levels = channels.Length;
        var timeDim = channels[0] * 4;
        conv_in = nn.Conv2d(config.InChannels, channels[0], 3, padding: 1);
        time_embedding = new TimestepEmbedding(channels[0], timeDim);
        down_blocks = new ModuleList<DownBlock2D>(Enumerable.Range(0, levels).Select(i => new DownBlock2D(
            config, i, channels[Math.Max(i - 1, 0)], channels[i], timeDim)).ToArray());
        mid_block = new UNetMidBlock2DCrossAttn(config, channels[^1], timeDim);
        up_blocks = new ModuleList<UpBlock2D>(Enumerable.Range(0, levels).Select(i => new UpBlock2D(
            config, i,
            previous: channels[Math.Min(levels - i, levels - 1)],
            skip: channels[Math.Max(levels - 2 - i, 0)],
            channels[levels - 1 - i], timeDim)).ToArray());
        conv_norm_out = Norms.GroupNorm(config.NormNumGroups, channels[0], config.NormEps);
        conv_out = nn.Conv2d(channels[0], config.OutChannels, 3, padding: 1);
        RegisterComponents();
    }

    public UNetConfig Config { get; }

    /// <summary>Dtype of the frozen weights; latents are cast to it and the prediction back to fp32 by the caller.</summary>
    public ScalarType WeightType => conv_in.weight!.dtype;

    /// <summary>The last layer, which pretraining starts at zero.</summary>
    public Conv2d OutputConvolution => conv_out;

    /// <summary>The predicted noise (or v).</summary>
    /// <param name="sample">Noisy latents [B, C, H, W].</param>
    /// <param name="timestep">Scalar or [B].</param>
    /// <param name="context">Text states [B, S, cross_attention_dim].</param>
    /// <returns>[B, C, H, W].</returns>
    public override Tensor forward(Tensor sample, Tensor timestep, Tensor context)
    {
        using var scope = NewDisposeScope();
        var timesteps = timestep.dim() == 0 ? timestep.expand(sample.shape[0]) : timestep;
        var projected = TimestepEmbedding.Sinusoids(timesteps.to(sample.device), Config.BlockOutChannels[0], Config.FlipSinToCos, Config.FreqShift);
        // Every resnet begins its time branch with the same SiLU: computed once.
        var time = nn.functional.silu(time_embedding.forward(projected.to(sample.dtype)));

        var h = conv_in.forward(sample);
        var skips = new Stack<Tensor>();
        skips.Push(h);
        foreach (var block in down_blocks)
        {
            h = block.Down(h, time, context, skips);
        }
        h = mid_block.forward(h, time, context);
        foreach (var block in up_blocks)
        {
            h = block.Up(h, time, context, skips);
        }
        return conv_out.forward(nn.functional.silu(conv_norm_out.forward(h))).MoveToOuterDisposeScope();
    }
}
