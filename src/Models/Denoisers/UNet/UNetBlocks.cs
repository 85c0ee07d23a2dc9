using AlignProp.Adapters.Configurations;
using AlignProp.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace AlignProp.Models.Denoisers.UNet;

/// <summary>Mirrors diffusers' DownBlock2D and CrossAttnDownBlock2D (which adds attention after every resnet).</summary>
public sealed class DownBlock2D : nn.Module
{
    private readonly ModuleList<ResnetBlock2D> resnets;
    private readonly ModuleList<Transformer2DModel>? attentions;
    private readonly ModuleList<Downsample2D>? downsamplers;

    public DownBlock2D(UNetConfig config, int level, int inChannels, int outChannels) : base(nameof(DownBlock2D))
    {
        resnets = new ModuleList<ResnetBlock2D>(Enumerable.Range(0, config.LayersPerBlock[level]).Select(j => new ResnetBlock2D(
            j == 0 ? inChannels : outChannels, outChannels, UNetBlocks.Resnets(config))).ToArray());
        attentions = config.DownAttention[level]
            ? new ModuleList<Transformer2DModel>(Enumerable.Range(0, resnets.Count)
                .Select(j => UNetBlocks.Transformer(config, level, outChannels, config.TransformerLayers[level][j])).ToArray())
            : null;
        downsamplers = level < config.BlockOutChannels.Length - 1
            ? new ModuleList<Downsample2D>(new Downsample2D(outChannels, asymmetric: config.DownsamplePadding == 0))
            : null;
        RegisterComponents();
    }

    /// <summary>Pushes every intermediate result for the way up.</summary>
    public Tensor Down(Tensor h, Tensor time, Tensor context, Stack<Tensor> skips)
    {
        for (var j = 0; j < resnets.Count; j++)
        {
            h = resnets[j].forward(h, time);
            if (attentions is not null)
            {
                h = attentions[j].forward(h, context);
            }
            skips.Push(h);
        }
        if (downsamplers is not null)
        {
            h = downsamplers[0].forward(h);
            skips.Push(h);
        }
        return h;
    }
}

/// <summary>Mirrors diffusers' UpBlock2D and CrossAttnUpBlock2D: consumes the skips in reverse.</summary>
public sealed class UpBlock2D : nn.Module
{
    private readonly ModuleList<ResnetBlock2D> resnets;
    private readonly ModuleList<Transformer2DModel>? attentions;
    private readonly ModuleList<Upsample2D>? upsamplers;

    /// <param name="index">Position on the way up; level = last - index.</param>
    /// <param name="previous">Channels arriving from below.</param>
    /// <param name="skip">Channels of the last skip (the level above).</param>
    public UpBlock2D(UNetConfig config, int index, int previous, int skip, int outChannels) : base(nameof(UpBlock2D))
    {
        var level = config.BlockOutChannels.Length - 1 - index;
        var layers = config.LayersPerBlock[level] + 1;
        resnets = new ModuleList<ResnetBlock2D>(Enumerable.Range(0, layers).Select(j => new ResnetBlock2D(
            (j == 0 ? previous : outChannels) + (j == layers - 1 ? skip : outChannels), outChannels, UNetBlocks.Resnets(config)))
                .ToArray());
        attentions = config.UpAttention[index]
            ? new ModuleList<Transformer2DModel>(Enumerable.Range(0, layers)
                .Select(j => UNetBlocks.Transformer(config, level, outChannels, config.UpTransformerLayers[index][j])).ToArray())
            : null;
        upsamplers = level > 0 ? new ModuleList<Upsample2D>(new Upsample2D(outChannels)) : null;
        RegisterComponents();
    }

    public Tensor Up(Tensor h, Tensor time, Tensor context, Stack<Tensor> skips)
    {
        for (var j = 0; j < resnets.Count; j++)
        {
            h = resnets[j].forward(cat([h, skips.Pop()], 1), time);
            if (attentions is not null)
            {
                h = attentions[j].forward(h, context);
            }
        }
        // Sizes that are not a multiple of 2^levels: reach exactly the size of the next skip.
        return upsamplers is null ? h : upsamplers[0].forward(h, [skips.Peek().shape[2], skips.Peek().shape[3]]);
    }
}

/// <summary>
/// Mirrors diffusers' UNetMidBlock2DCrossAttn: resnet, attention, resnet; and UNetMidBlock2D as a UNet uses it: one resnet.
/// </summary>
public sealed class UNetMidBlock : nn.Module<Tensor, Tensor, Tensor, Tensor>
{
    private readonly ModuleList<ResnetBlock2D> resnets;
    private readonly ModuleList<Transformer2DModel>? attentions;

    public UNetMidBlock(UNetConfig config) : base(nameof(UNetMidBlock))
    {
        var (channels, attends) = (config.BlockOutChannels[^1], config.MidBlock == MidBlockKind.CrossAttention);
        resnets = new ModuleList<ResnetBlock2D>(Enumerable.Range(0, attends ? 2 : 1)
            .Select(_ => new ResnetBlock2D(channels, channels, UNetBlocks.Resnets(config), config.MidBlockScaleFactor))
                .ToArray());
        // only_cross_attention reaches the levels, not this block.
        attentions = attends
            ? new ModuleList<Transformer2DModel>(
                UNetBlocks.Transformer(config with { OnlyCrossAttention = new bool[config.Heads.Length] },
                config.Heads.Length - 1,
                channels, config.MidTransformerLayers))
            : null;
        RegisterComponents();
    }

    public override Tensor forward(Tensor h, Tensor time, Tensor context)
    {
        h = resnets[0].forward(h, time);
        return attentions is null ? h : resnets[1].forward(attentions[0].forward(h, context), time);
    }
}

internal static class UNetBlocks
{
    public static ResnetStyle Resnets(UNetConfig config) =>
        new(config.TimeDim, config.NormNumGroups, config.NormEps, config.Activation, config.TimeScaleShift);

    public static Transformer2DModel Transformer(UNetConfig config, int level, int channels, int layers) =>
        new(channels, layers, config.NormNumGroups,
        new TransformerStyle(config.Heads[level], config.CrossAttentionDim[level], config.UseLinearProjection,
            config.OnlyCrossAttention[level], config.UpcastAttention));
}
