using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace AlignProp.Models.Layers;

/// <summary>Mirrors diffusers' Transformer2DModel over image positions: norm, project in, blocks, project out, residual.</summary>
public sealed class Transformer2DModel : nn.Module<Tensor, Tensor, Tensor>
{
    // diffusers fixes this GroupNorm's eps at 1e-6 whatever norm_eps says.
    private const double NormEps = 1e-6;

    private readonly GroupNorm norm;
    private readonly nn.Module<Tensor, Tensor> proj_in;
    private readonly ModuleList<BasicTransformerBlock> transformer_blocks;
    private readonly nn.Module<Tensor, Tensor> proj_out;
    private readonly bool _linear;

    public Transformer2DModel(int channels, int heads, int layers, int contextDim, int groups, bool linearProjection)
        : base(nameof(Transformer2DModel))
    {
        _linear = linearProjection;
        norm = Norms.GroupNorm(groups, channels, NormEps);
        proj_in = linearProjection ? nn.Linear(channels, channels) : nn.Conv2d(channels, channels, 1);
        transformer_blocks = new ModuleList<BasicTransformerBlock>(
            Enumerable.Range(0, layers).Select(_ => new BasicTransformerBlock(channels, heads, contextDim)).ToArray());
        proj_out = linearProjection ? nn.Linear(channels, channels) : nn.Conv2d(channels, channels, 1);
        RegisterComponents();
    }

    /// <param name="x">[B, C, H, W].</param>
    /// <param name="context">Text states [B, S, contextDim].</param>
    public override Tensor forward(Tensor x, Tensor context)
    {
        using var scope = NewDisposeScope();
        var (b, c, height, width) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3]);
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

        Tensor Flatten(Tensor t) => t.permute(0, 2, 3, 1).reshape(b, height * width, c);
        Tensor Unflatten(Tensor t) => t.view(b, height, width, c).permute(0, 3, 1, 2).contiguous();
    }
}

/// <summary>Self-attention, cross-attention, GEGLU feed-forward, each with pre-LayerNorm and residual.</summary>
public sealed class BasicTransformerBlock : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly LayerNorm norm1;
    private readonly Attention attn1;
    private readonly LayerNorm norm2;
    private readonly Attention attn2;
    private readonly LayerNorm norm3;
    private readonly FeedForward ff;

    public BasicTransformerBlock(int dim, int heads, int contextDim) : base(nameof(BasicTransformerBlock))
    {
        norm1 = Norms.LayerNorm(dim, 1e-5);
        attn1 = new Attention(dim, dim, heads, dim / heads);
        norm2 = Norms.LayerNorm(dim, 1e-5);
        attn2 = new Attention(dim, contextDim, heads, dim / heads);
        norm3 = Norms.LayerNorm(dim, 1e-5);
        ff = new FeedForward(dim);
        RegisterComponents();
    }

    public override Tensor forward(Tensor h, Tensor context)
    {
        using var scope = NewDisposeScope();
        h = h + attn1.forward(norm1.forward(h), null);
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
        net = nn.ModuleList<nn.Module<Tensor, Tensor>>(new Geglu(dim, dim * 4), nn.Identity(), nn.Linear(dim * 4, dim));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => net[2].forward(net[0].forward(x));

    private sealed class Geglu : nn.Module<Tensor, Tensor>
    {
        private readonly Linear proj;

        public Geglu(int dim, int inner) : base(nameof(Geglu))
        {
            proj = nn.Linear(dim, inner * 2);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            var parts = proj.forward(x).chunk(2, -1);
            return parts[0] * nn.functional.gelu(parts[1]);
        }
    }
}
