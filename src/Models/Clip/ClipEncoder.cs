using AlignProp.Adapters;
using AlignProp.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace AlignProp.Models.Clip;

/// <summary>The transformer both CLIP towers share. Mirrors transformers' CLIPEncoder.</summary>
internal sealed class ClipEncoder : nn.Module
{
    private readonly ModuleList<ClipEncoderLayer> layers;

    public ClipEncoder(int width, int inner, int count, int heads, string activation, double eps) : base(nameof(ClipEncoder))
    {
        layers = new ModuleList<ClipEncoderLayer>(
            Enumerable.Range(0, count).Select(_ => new ClipEncoderLayer(width, inner, heads, activation, eps)).ToArray());
        RegisterComponents();
    }

    /// <param name="h">[B, L, width].</param>
    /// <param name="causal">True for text.</param>
    /// <param name="each">Told the output of every layer, when given.</param>
    public Tensor Forward(Tensor h, bool causal, Tensor? mask = null, Action<Tensor>? each = null)
    {
        foreach (var layer in layers)
        {
            h = layer.Forward(h, causal, mask);
            each?.Invoke(h);
        }
        return h;
    }
}

internal sealed class ClipEncoderLayer : nn.Module
{
    private readonly LayerNorm layer_norm1;
    private readonly ClipAttention self_attn;
    private readonly LayerNorm layer_norm2;
    private readonly ClipMlp mlp;

    public ClipEncoderLayer(int width, int inner, int heads, string activation, double eps) : base(nameof(ClipEncoderLayer))
    {
        layer_norm1 = Parts.LayerNorm(width, eps);
        self_attn = new ClipAttention(width, heads);
        layer_norm2 = Parts.LayerNorm(width, eps);
        mlp = new ClipMlp(width, inner, activation);
        RegisterComponents();
    }

    public Tensor Forward(Tensor h, bool causal, Tensor? mask)
    {
        using var scope = NewDisposeScope();
        h = h + self_attn.Forward(layer_norm1.forward(h), causal, mask);
        return (h + mlp.forward(layer_norm2.forward(h))).MoveToOuterDisposeScope();
    }
}

internal sealed class ClipAttention : nn.Module
{
    private readonly Linear q_proj;
    private readonly Linear k_proj;
    private readonly Linear v_proj;
    private readonly Linear out_proj;
    private readonly int _heads;

    public ClipAttention(int width, int heads) : base(nameof(ClipAttention))
    {
        _heads = heads;
        q_proj = Parts.Linear(width, width);
        k_proj = Parts.Linear(width, width);
        v_proj = Parts.Linear(width, width);
        out_proj = Parts.Linear(width, width);
        RegisterComponents();
    }

    public Tensor Forward(Tensor h, bool causal, Tensor? mask)
    {
        var (b, l) = (h.shape[0], h.shape[1]);
        var y = nn.functional.scaled_dot_product_attention(
            Split(q_proj.forward(h)), Split(k_proj.forward(h)), Split(v_proj.forward(h)), attn_mask: mask, is_casual: causal
                && mask is null);
        return out_proj.forward(y.transpose(1, 2).reshape(b, l, -1));

        Tensor Split(Tensor x) => x.view(b, l, _heads, -1).transpose(1, 2);
    }
}

internal sealed class ClipMlp : nn.Module<Tensor, Tensor>
{
    private static readonly Scalar QuickGeluFactor = 1.702.ToScalar();

    private readonly Linear fc1;
    private readonly Linear fc2;
    private readonly bool _quick;

    public ClipMlp(int width, int inner, string activation) : base(nameof(ClipMlp))
    {
        _quick = activation switch
        {
            "quick_gelu" => true,
            "gelu" => false,
            _ => throw new ModelFileException($"CLIP hidden_act = {activation} is not supported; expected quick_gelu or gelu"),
        };
        fc1 = Parts.Linear(width, inner);
        fc2 = Parts.Linear(inner, width);
        RegisterComponents();
    }

    public override Tensor forward(Tensor h)
    {
        var x = fc1.forward(h);
        return fc2.forward(_quick ? x * x.mul(QuickGeluFactor).sigmoid() : nn.functional.gelu(x));
    }
}
