using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace AlignProp.Models.Layers;

/// <summary>What the transformers of one level have in common.</summary>
/// <param name="Heads">Attention heads; a head has channels / heads features.</param>
/// <param name="ContextDim">Width of the text states.</param>
/// <param name="LinearProjection">Project in and out with linear layers (SD 2, SDXL) instead of 1x1 convolutions (SD 1).</param>
/// <param name="OnlyCrossAttention">The first attention looks at the text too, not at the image.</param>
/// <param name="Upcast">Attention in fp32.</param>
public sealed record TransformerStyle(int Heads, int ContextDim, bool LinearProjection = false, bool OnlyCrossAttention = false,
    bool Upcast = false);

/// <summary>
/// Mirrors diffusers' Transformer2DModel over image positions: norm, project in, blocks, project out, residual.
/// </summary>
public sealed class Transformer2DModel : nn.Module<Tensor, Tensor, Tensor>
{
    // diffusers fixes this GroupNorm's eps at 1e-6 whatever norm_eps says.
    private const double NormEps = 1e-6;

    private readonly GroupNorm norm;
    private readonly nn.Module<Tensor, Tensor> proj_in;
    private readonly ModuleList<BasicTransformerBlock> transformer_blocks;
    private readonly nn.Module<Tensor, Tensor> proj_out;
    private readonly bool _linear;

    public Transformer2DModel(int channels, int layers, int groups, TransformerStyle style) : base(nameof(Transformer2DModel))
    {
        _linear = style.LinearProjection;
        // As upstream: heads that do not divide the channels make an inner width below them.
        var inner = style.Heads * (channels / style.Heads);
        norm = Parts.GroupNorm(groups, channels, NormEps);
        proj_in = _linear ? new LoraLinear(channels, inner) : new LoraConv2d(channels, inner, 1);
        transformer_blocks = new ModuleList<BasicTransformerBlock>(
            Enumerable.Range(0, layers).Select(_ => new BasicTransformerBlock(inner, style)).ToArray());
        proj_out = _linear ? new LoraLinear(inner, channels) : new LoraConv2d(inner, channels, 1);
        RegisterComponents();
    }

    /// <param name="x">[B, C, H, W].</param>
    /// <param name="context">Text states [B, S, contextDim].</param>
    public override Tensor forward(Tensor x, Tensor context)
    {
        using var scope = NewDisposeScope();
        var (b, height, width) = (x.shape[0], x.shape[2], x.shape[3]);
        var h = norm.forward(x);
        h = _linear
            ? proj_in.forward(Flatten(h))
            : Flatten(proj_in.forward(h));
        foreach (var block in transformer_blocks)
        {
            h = block.forward(h, context);
        }
        h = _linear ? Unflatten(proj_out.forward(h)) : proj_out.forward(Unflatten(h));
        return (h + x).MoveToOuterDisposeScope();

        Tensor Flatten(Tensor t) => t.permute(0, 2, 3, 1).reshape(b, height * width, t.shape[1]);
        Tensor Unflatten(Tensor t) => t.view(b, height, width, t.shape[2]).permute(0, 3, 1, 2).contiguous();
    }
}

/// <summary>
/// Self-attention (or cross-attention twice), cross-attention, GEGLU feed-forward, each with pre-LayerNorm and residual.
/// </summary>
public sealed class BasicTransformerBlock : nn.Module<Tensor, Tensor, Tensor>
{
    // diffusers leaves the LayerNorms' eps at this default whatever norm_eps says.
    private const double LayerNormEps = 1e-5;

    private readonly LayerNorm norm1;
    private readonly Attention attn1;
    private readonly LayerNorm norm2;
    private readonly Attention attn2;
    private readonly LayerNorm norm3;
    private readonly FeedForward ff;

    private readonly bool _onlyCross;

    public BasicTransformerBlock(int dim, TransformerStyle style) : base(nameof(BasicTransformerBlock))
    {
        _onlyCross = style.OnlyCrossAttention;
        var (heads, headDim) = (style.Heads, dim / style.Heads);
        norm1 = Parts.LayerNorm(dim, LayerNormEps);
        attn1 = new Attention(dim, _onlyCross ? style.ContextDim : dim, heads, headDim, upcast: style.Upcast);
        norm2 = Parts.LayerNorm(dim, LayerNormEps);
        attn2 = new Attention(dim, style.ContextDim, heads, headDim, upcast: style.Upcast);
        norm3 = Parts.LayerNorm(dim, LayerNormEps);
        ff = new FeedForward(dim);
        RegisterComponents();
    }

    public override Tensor forward(Tensor h, Tensor context)
    {
        using var scope = NewDisposeScope();
        h = h + attn1.forward(norm1.forward(h), _onlyCross ? context : null);
        h = h + attn2.forward(norm2.forward(h), context);
        h = h + ff.forward(norm3.forward(h));
        return h.MoveToOuterDisposeScope();
    }
}

/// <summary>Mirrors diffusers' FeedForward with GEGLU (exact erf GELU): net.0.proj [8d, d], net.2 [d, 4d].</summary>
public sealed class FeedForward : nn.Module<Tensor, Tensor>
{
    private readonly ModuleList<nn.Module<Tensor, Tensor>> net;

    public FeedForward(int dim) : base(nameof(FeedForward))
    {
        net = nn.ModuleList<nn.Module<Tensor, Tensor>>(new Geglu(dim, dim * 4), nn.Identity(), new LoraLinear(dim * 4, dim));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => net[2].forward(net[0].forward(x));

    private sealed class Geglu : nn.Module<Tensor, Tensor>
    {
        private readonly LoraLinear proj;

        public Geglu(int dim, int inner) : base(nameof(Geglu))
        {
            proj = new LoraLinear(dim, inner * 2);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            var parts = proj.forward(x).chunk(2, -1);
            return parts[0] * nn.functional.gelu(parts[1]);
        }
    }
}
