using AlignProp.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace AlignProp.Models.Diffusion;

/// <summary>Mirrors diffusers' DownBlock2D and CrossAttnDownBlock2D (which adds attention after every resnet).</summary>
public sealed class DownBlock2D : nn.Module
{
    private readonly ModuleList<ResnetBlock2D> resnets;
    private readonly ModuleList<Transformer2DModel>? attentions;
    private readonly ModuleList<Downsample2D>? downsamplers;

    public DownBlock2D(UNetConfig config, int level, int inChannels, int outChannels, int timeDim) : base(nameof(DownBlock2D))
    {
        var layers = config.LayersPerBlock[level];
        resnets = new ModuleList<ResnetBlock2D>(Enumerable.Range(0, layers).Select(j => new ResnetBlock2D(
            j == 0 ? inChannels : outChannels, outChannels, timeDim, config.NormNumGroups, config.NormEps)).ToArray());
        attentions = UNetBlocks.Attentions(config, config.DownBlockTypes[level], "CrossAttnDownBlock2D", "DownBlock2D", level, outChannels, layers);
        downsamplers = level < config.BlockOutChannels.Length - 1
            ? new ModuleList<Downsample2D>(new Downsample2D(outChannels, asymmetric: false))
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
    public UpBlock2D(UNetConfig config, int index, int previous, int skip, int outChannels, int timeDim) : base(nameof(UpBlock2D))
    {
        var level = config.BlockOutChannels.Length - 1 - index;
        var layers = config.LayersPerBlock[level] + 1;
        resnets = new ModuleList<ResnetBlock2D>(Enumerable.Range(0, layers).Select(j => new ResnetBlock2D(
            (j == 0 ? previous : outChannels) + (j == layers - 1 ? skip : outChannels),
            outChannels, timeDim, config.NormNumGroups, config.NormEps)).ToArray());
        attentions = UNetBlocks.Attentions(config, config.UpBlockTypes[index], "CrossAttnUpBlock2D", "UpBlock2D", level, outChannels, layers);
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

/// <summary>Mirrors diffusers' UNetMidBlock2DCrossAttn: resnet, attention, resnet.</summary>
public sealed class UNetMidBlock2DCrossAttn : nn.Module<Tensor, Tensor, Tensor, Tensor>
{
    private readonly ModuleList<ResnetBlock2D> resnets;
    private readonly ModuleList<Transformer2DModel> attentions;

    public UNetMidBlock2DCrossAttn(UNetConfig config, int channels, int timeDim) : base(nameof(UNetMidBlock2DCrossAttn))
    {
        resnets = new ModuleList<ResnetBlock2D>(
            new ResnetBlock2D(channels, channels, timeDim, config.NormNumGroups, config.NormEps),
            new ResnetBlock2D(channels, channels, timeDim, config.NormNumGroups, config.NormEps));
        attentions = new ModuleList<Transformer2DModel>(UNetBlocks.Transformer(config, config.Heads.Length - 1, channels));
        RegisterComponents();
    }

    public override Tensor forward(Tensor h, Tensor time, Tensor context) =>
        resnets[1].forward(attentions[0].forward(resnets[0].forward(h, time), context), time);
}

internal static class UNetBlocks
{
    public static ModuleList<Transformer2DModel>? Attentions(
        UNetConfig config, string type, string withAttention, string without, int level, int channels, int layers) =>
        type == withAttention
            ? new ModuleList<Transformer2DModel>(Enumerable.Range(0, layers).Select(_ => Transformer(config, level, channels)).ToArray())
            : type == without
                ? null
                : throw new ModelFileException($"UNet block type {type} is not supported; expected {withAttention} or {without}");

    public static Transformer2DModel Transformer(UNetConfig config, int level, int channels) => new(
        channels, config.Heads[level], config.TransformerLayers[level], config.CrossAttentionDim, config.NormNumGroups, config.UseLinearProjection);
}
