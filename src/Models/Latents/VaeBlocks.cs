using AlignProp.Adapters.Configurations;
using AlignProp.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace AlignProp.Models.Latents;

internal static class VaeNorm
{
    // diffusers fixes the VAE's GroupNorm eps at 1e-6.
    public const double Eps = 1e-6;

    public static ResnetStyle Style(VaeConfig config) => new(TimeDim: null, config.NormNumGroups, Eps);
}

/// <summary>Mirrors diffusers' Encoder: conv_in, down_blocks, mid_block, conv_norm_out, conv_out.</summary>
internal sealed class VaeEncoder : nn.Module<Tensor, Tensor>
{
    private readonly Conv2d conv_in;
    private readonly ModuleList<DownEncoderBlock2D> down_blocks;
    private readonly VaeMidBlock mid_block;
    private readonly GroupNorm conv_norm_out;
    private readonly Conv2d conv_out;

    public VaeEncoder(VaeConfig config) : base(nameof(VaeEncoder))
    {
        var channels = config.BlockOutChannels;
        conv_in = Parts.Conv2d(config.InChannels, channels[0], 3, padding: 1);
        down_blocks = new ModuleList<DownEncoderBlock2D>(Enumerable.Range(0, channels.Length).Select(i => new DownEncoderBlock2D(
            config, channels[Math.Max(i - 1, 0)], channels[i], i < channels.Length - 1)).ToArray());
        mid_block = new VaeMidBlock(config, channels[^1]);
        conv_norm_out = Parts.GroupNorm(config.NormNumGroups, channels[^1], VaeNorm.Eps);
        conv_out = Parts.Conv2d(channels[^1], 2 * config.LatentChannels, 3, padding: 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        var h = conv_in.forward(x);
        foreach (var block in down_blocks)
        {
            h = block.forward(h);
        }
        return conv_out.forward(nn.functional.silu(conv_norm_out.forward(mid_block.forward(h))));
    }
}

/// <summary>Mirrors diffusers' Decoder: conv_in, mid_block, up_blocks, conv_norm_out, conv_out.</summary>
internal sealed class VaeDecoder : nn.Module<Tensor, Tensor>
{
    private readonly Conv2d conv_in;
    private readonly VaeMidBlock mid_block;
    private readonly ModuleList<UpDecoderBlock2D> up_blocks;
    private readonly GroupNorm conv_norm_out;
    private readonly Conv2d conv_out;

    public VaeDecoder(VaeConfig config) : base(nameof(VaeDecoder))
    {
        var channels = config.BlockOutChannels.Reverse().ToArray();
        conv_in = Parts.Conv2d(config.LatentChannels, channels[0], 3, padding: 1);
        mid_block = new VaeMidBlock(config, channels[0]);
        up_blocks = new ModuleList<UpDecoderBlock2D>(Enumerable.Range(0, channels.Length).Select(i => new UpDecoderBlock2D(
            config, channels[Math.Max(i - 1, 0)], channels[i], i < channels.Length - 1)).ToArray());
        conv_norm_out = Parts.GroupNorm(config.NormNumGroups, channels[^1], VaeNorm.Eps);
        conv_out = Parts.Conv2d(channels[^1], config.OutChannels, 3, padding: 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor z) => Stages().Aggregate(z, (h, stage) => stage(h));

    /// <summary>
    /// The decoder as a chain of functions, cut at every residual block: what a backward pass may recompute one by one.
    /// </summary>
    public IEnumerable<Func<Tensor, Tensor>> Stages() =>
    [
        conv_in.forward,
        mid_block.forward,
        .. up_blocks.SelectMany(block => block.Stages()),
        h => conv_out.forward(nn.functional.silu(conv_norm_out.forward(h))),
    ];
}

internal sealed class DownEncoderBlock2D : nn.Module<Tensor, Tensor>
{
    private readonly ModuleList<ResnetBlock2D> resnets;
    private readonly ModuleList<Downsample2D>? downsamplers;

    public DownEncoderBlock2D(VaeConfig config, int inChannels, int outChannels,
        bool downsample) : base(nameof(DownEncoderBlock2D))
    {
        resnets = new ModuleList<ResnetBlock2D>(Enumerable.Range(0, config.LayersPerBlock).Select(j => new ResnetBlock2D(
            j == 0 ? inChannels : outChannels, outChannels, VaeNorm.Style(config))).ToArray());
        downsamplers = downsample ? new ModuleList<Downsample2D>(new Downsample2D(outChannels, asymmetric: true)) : null;
        RegisterComponents();
    }

    public override Tensor forward(Tensor h)
    {
        foreach (var resnet in resnets)
        {
            h = resnet.forward(h, null);
        }
        return downsamplers is null ? h : downsamplers[0].forward(h);
    }
}

internal sealed class UpDecoderBlock2D : nn.Module<Tensor, Tensor>
{
    private readonly ModuleList<ResnetBlock2D> resnets;
    private readonly ModuleList<Upsample2D>? upsamplers;

    public UpDecoderBlock2D(VaeConfig config, int inChannels, int outChannels, bool upsample) : base(nameof(UpDecoderBlock2D))
    {
        resnets = new ModuleList<ResnetBlock2D>(Enumerable.Range(0, config.LayersPerBlock + 1).Select(j => new ResnetBlock2D(
            j == 0 ? inChannels : outChannels, outChannels, VaeNorm.Style(config))).ToArray());
        upsamplers = upsample ? new ModuleList<Upsample2D>(new Upsample2D(outChannels)) : null;
        RegisterComponents();
    }

    public override Tensor forward(Tensor h) => Stages().Aggregate(h, (x, stage) => stage(x));

    public IEnumerable<Func<Tensor, Tensor>> Stages()
    {
        foreach (var resnet in resnets)
        {
            yield return h => resnet.forward(h, null);
        }
        if (upsamplers is not null)
        {
            yield return h => upsamplers[0].forward(h, null);
        }
    }
}

/// <summary>Resnet, one-head self-attention, resnet. Mirrors the middle block of diffusers' VAE.</summary>
internal sealed class VaeMidBlock : nn.Module<Tensor, Tensor>
{
    private readonly ModuleList<ResnetBlock2D> resnets;
    private readonly ModuleList<VaeAttention> attentions;

    public VaeMidBlock(VaeConfig config, int channels) : base(nameof(VaeMidBlock))
    {
        resnets = new ModuleList<ResnetBlock2D>(
            new ResnetBlock2D(channels, channels, VaeNorm.Style(config)),
            new ResnetBlock2D(channels, channels, VaeNorm.Style(config)));
        attentions = new ModuleList<VaeAttention>(new VaeAttention(channels, config.NormNumGroups));
        RegisterComponents();
    }

    public override Tensor forward(Tensor h) => resnets[1].forward(attentions[0].forward(resnets[0].forward(h, null)), null);
}

/// <summary>Self-attention over positions with one head, biases and its own GroupNorm, plus residual.</summary>
internal sealed class VaeAttention : nn.Module<Tensor, Tensor>
{
    private readonly GroupNorm group_norm;
    private readonly LoraLinear to_q;
    private readonly LoraLinear to_k;
    private readonly LoraLinear to_v;
    private readonly ModuleList<LoraLinear> to_out;

    public VaeAttention(int channels, int groups) : base(nameof(VaeAttention))
    {
        group_norm = Parts.GroupNorm(groups, channels, VaeNorm.Eps);
        to_q = new LoraLinear(channels, channels, true);
        to_k = new LoraLinear(channels, channels, true);
        to_v = new LoraLinear(channels, channels, true);
        to_out = new ModuleList<LoraLinear>(new LoraLinear(channels, channels, true));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var (b, c, height, width) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3]);
        var h = group_norm.forward(x).view(b, c, height * width).transpose(1, 2);
        var y = nn.functional.scaled_dot_product_attention(
            to_q.forward(h).unsqueeze(1), to_k.forward(h).unsqueeze(1), to_v.forward(h).unsqueeze(1)).squeeze(1);
        y = to_out[0].forward(y).transpose(1, 2).reshape(b, c, height, width);
        return (y + x).MoveToOuterDisposeScope();
    }
}
