using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace AlignProp.Models.Layers;

/// <summary>Mirrors diffusers' ResnetBlock2D: norm, SiLU, conv, time shift, norm, SiLU, conv, plus the (1x1) shortcut.</summary>
public sealed class ResnetBlock2D : nn.Module<Tensor, Tensor?, Tensor>
{
    private readonly GroupNorm norm1;
    private readonly Conv2d conv1;
    private readonly Linear? time_emb_proj;
    private readonly GroupNorm norm2;
    private readonly Conv2d conv2;
    private readonly Conv2d? conv_shortcut;

    /// <param name="timeDim">Width of the time embedding; null in the VAE, which has none.</param>
    public ResnetBlock2D(int inChannels, int outChannels, int? timeDim, int groups, double eps) : base(nameof(ResnetBlock2D))
    {
        norm1 = Norms.GroupNorm(groups, inChannels, eps);
        conv1 = nn.Conv2d(inChannels, outChannels, 3, padding: 1);
        time_emb_proj = timeDim is { } width ? nn.Linear(width, outChannels) : null;
        norm2 = Norms.GroupNorm(groups, outChannels, eps);
        conv2 = nn.Conv2d(outChannels, outChannels, 3, padding: 1);
        conv_shortcut = inChannels == outChannels ? null : nn.Conv2d(inChannels, outChannels, 1);
        RegisterComponents();
    }

    /// <param name="x">[B, C, H, W].</param>
    /// <param name="activatedTime">SiLU of the time embedding [B, timeDim], or null.</param>
    public override Tensor forward(Tensor x, Tensor? activatedTime)
    {
        using var scope = NewDisposeScope();
        var h = conv1.forward(nn.functional.silu(norm1.forward(x)));
        if (time_emb_proj is not null)
        {
            h = h + time_emb_proj.forward(activatedTime!).unsqueeze(-1).unsqueeze(-1);
        }
        h = conv2.forward(nn.functional.silu(norm2.forward(h)));
        var shortcut = conv_shortcut is null ? x : conv_shortcut.forward(x);
        return (shortcut + h).MoveToOuterDisposeScope();
    }
}
