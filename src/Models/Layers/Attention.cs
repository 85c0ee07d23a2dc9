using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace AlignProp.Models.Layers;

/// <summary>
/// Multi-head attention with the published names to_q, to_k, to_v, to_out.0. Mirrors diffusers' Attention with the
/// scaled-dot-product processor; self-attention when no context is given.
/// </summary>
public sealed class Attention : nn.Module<Tensor, Tensor?, Tensor>
{
    private readonly LoraLinear to_q;
    private readonly LoraLinear to_k;
    private readonly LoraLinear to_v;
    private readonly ModuleList<nn.Module<Tensor, Tensor>> to_out;
    private readonly int _heads;
    private readonly bool _upcast;

    /// <param name="upcast">Compute the attention in fp32 whatever the weights' dtype (upcast_attention, as SD 2.1 asks).</param>
    public Attention(int queryDim, int contextDim, int heads, int headDim, bool qkvBias = false,
        bool upcast = false) : base(nameof(Attention))
    {
        var inner = heads * headDim;
        (_heads, _upcast) = (heads, upcast);
        to_q = new LoraLinear(queryDim, inner, qkvBias, zeroBias: true);
        to_k = new LoraLinear(contextDim, inner, qkvBias, zeroBias: true);
        to_v = new LoraLinear(contextDim, inner, qkvBias, zeroBias: true);
        to_out = nn.ModuleList<nn.Module<Tensor, Tensor>>(new LoraLinear(inner, queryDim, zeroBias: true));
        RegisterComponents();
    }

    /// <param name="hidden">[B, L, queryDim].</param>
    /// <param name="context">[B, S, contextDim], or null for self-attention.</param>
    /// <returns>[B, L, queryDim].</returns>
    public override Tensor forward(Tensor hidden, Tensor? context)
    {
        var source = context ?? hidden;
        var q = SplitHeads(to_q.forward(hidden));
        var k = SplitHeads(to_k.forward(source));
        var v = SplitHeads(to_v.forward(source));
        var y = _upcast && q.dtype != ScalarType.Float64
            ? nn.functional.scaled_dot_product_attention(q.to(ScalarType.Float32), k.to(ScalarType.Float32),
                v.to(ScalarType.Float32)).to(hidden.dtype)
            : nn.functional.scaled_dot_product_attention(q, k, v);
        var (b, l) = (hidden.shape[0], hidden.shape[1]);
        return to_out[0].forward(y.transpose(1, 2).reshape(b, l, -1));
    }

    private Tensor SplitHeads(Tensor x) => x.view(x.shape[0], x.shape[1], _heads, -1).transpose(1, 2);
}
