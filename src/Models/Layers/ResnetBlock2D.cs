using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace AlignProp.Models.Layers;

/// <summary>What the residual blocks of one network have in common.</summary>
/// <param name="TimeDim">Width of the time embedding; null in the VAE, which has none.</param>
/// <param name="Groups">Groups of the GroupNorms.</param>
/// <param name="Activation">A name of <see cref="Activations"/>.</param>
/// <param name="ScaleShift">
/// True: time scales and shifts the second norm (resnet_time_scale_shift = scale_shift); false: it is added before it.
/// </param>
public sealed record ResnetStyle(int? TimeDim, int Groups, double Eps, string Activation = "silu", bool ScaleShift = false);

/// <summary>
/// Mirrors diffusers' ResnetBlock2D: norm, activation, conv, time, norm, activation, conv, plus the (1x1) shortcut.
/// </summary>
public sealed class ResnetBlock2D : nn.Module<Tensor, Tensor?, Tensor>
{
    private readonly GroupNorm norm1;
    private readonly LoraConv2d conv1;
    private readonly LoraLinear? time_emb_proj;
    private readonly GroupNorm norm2;
    private readonly LoraConv2d conv2;
    private readonly LoraConv2d? conv_shortcut;
    private readonly Func<Tensor, Tensor> _activation;
    private readonly bool _scaleShift;
    private readonly float _outputScale;

    /// <param name="outputScale">The sum is divided by it (mid_block_scale_factor).</param>
    public ResnetBlock2D(int inChannels, int outChannels, ResnetStyle style, double outputScale = 1) : base(nameof(ResnetBlock2D))
    {
        (_activation, _scaleShift, _outputScale) = (Activations.Get(style.Activation), style.ScaleShift, (float)outputScale);
        norm1 = Parts.GroupNorm(style.Groups, inChannels, style.Eps);
        conv1 = new LoraConv2d(inChannels, outChannels, 3, padding: 1);
        time_emb_proj = style.TimeDim is { } width ? new LoraLinear(width, _scaleShift ? 2 * outChannels : outChannels) : null;
        norm2 = Parts.GroupNorm(style.Groups, outChannels, style.Eps);
        conv2 = new LoraConv2d(outChannels, outChannels, 3, padding: 1);
        conv_shortcut = inChannels == outChannels ? null : new LoraConv2d(inChannels, outChannels, 1);
        RegisterComponents();
    }

    /// <param name="x">[B, C, H, W].</param>
    /// <param name="activatedTime">Activated time embedding [B, timeDim], or null.</param>
    public override Tensor forward(Tensor x, Tensor? activatedTime)
    {
        using var scope = NewDisposeScope();
        var h = conv1.forward(_activation(norm1.forward(x)));
        if (time_emb_proj is null)
        {
            h = norm2.forward(h);
        }
        else
        {
            var time = time_emb_proj.forward(activatedTime!).unsqueeze(-1).unsqueeze(-1);
            h = _scaleShift ? Modulated(norm2.forward(h), time) : norm2.forward(h + time);
        }
        h = conv2.forward(_activation(h));
        var shortcut = conv_shortcut is null ? x : conv_shortcut.forward(x);
        var sum = shortcut + h;
        return (_outputScale == 1f ? sum : sum / _outputScale).MoveToOuterDisposeScope();
    }

    /// <summary>h (1 + scale) + shift, both halves of the projected time.</summary>
    private static Tensor Modulated(Tensor h, Tensor time)
    {
        var parts = time.chunk(2, 1);
        return h * (parts[0] + 1f) + parts[1];
    }
}
