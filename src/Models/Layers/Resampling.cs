using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Layers;

/// <summary>Halves height and width with a stride-2 convolution. Mirrors diffusers' Downsample2D.</summary>
public sealed class Downsample2D : nn.Module<Tensor, Tensor>
{
    private readonly LoraConv2d conv;
    private readonly bool _asymmetric;

    /// <param name="asymmetric">
    /// Pads right and bottom only (0, 1, 0, 1), which downsample_padding = 0 means and VAE encoders do; otherwise by 1 on all
    /// sides.
    /// </param>
    public Downsample2D(int channels, bool asymmetric) : base(nameof(Downsample2D))
    {
        _asymmetric = asymmetric;
        conv = new LoraConv2d(channels, channels, 3, stride: 2, padding: asymmetric ? 0 : 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => conv.forward(_asymmetric ? nn.functional.pad(x, [0, 1, 0, 1]) : x);
}

/// <summary>Nearest-neighbour upsampling, then a convolution. Mirrors diffusers' Upsample2D.</summary>
public sealed class Upsample2D : nn.Module<Tensor, long[]?, Tensor>
{
    private readonly LoraConv2d conv;

    public Upsample2D(int channels) : base(nameof(Upsample2D))
    {
        conv = new LoraConv2d(channels, channels, 3, padding: 1);
        RegisterComponents();
    }

    /// <param name="size">[H, W] to reach (odd skip sizes), or null to double.</param>
    public override Tensor forward(Tensor x, long[]? size)
    {
        using var scope = NewDisposeScope();
        var up = nn.functional.interpolate(x, size ?? [x.shape[2] * 2, x.shape[3] * 2], mode: InterpolationMode.Nearest);
        return conv.forward(up).MoveToOuterDisposeScope();
    }
}
