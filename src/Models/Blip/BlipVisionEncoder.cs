using AlignProp.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace AlignProp.Models.Blip;

/// <param name="Width">1024 for ViT-L/16.</param>
public sealed record BlipVisionConfig(int Width = 1024, int Layers = 24, int Heads = 16, int ImageSize = 224, int PatchSize = 16);

/// <summary>
/// BLIP's image encoder, a plain vision transformer. Mirrors timm's VisionTransformer as BLIP uses it, with its key names.
/// </summary>
public sealed class BlipVisionEncoder : nn.Module<Tensor, Tensor>
{
    private readonly Parameter cls_token;
    private readonly Parameter pos_embed;
    private readonly BlipPatchEmbedding patch_embed;
    private readonly ModuleList<BlipVisionBlock> blocks;
    private readonly LayerNorm norm;

    public BlipVisionEncoder(BlipVisionConfig config) : base(nameof(BlipVisionEncoder))
    {
        var patches = config.ImageSize / config.PatchSize * (config.ImageSize / config.PatchSize);
        cls_token = nn.Parameter(randn(1, 1, config.Width) * 0.02f);
        pos_embed = nn.Parameter(randn(1, patches + 1, config.Width) * 0.02f);
        patch_embed = new BlipPatchEmbedding(config);
        blocks = new ModuleList<BlipVisionBlock>(Enumerable.Range(0, config.Layers)
            .Select(_ => new BlipVisionBlock(config.Width, config.Heads)).ToArray());
        norm = Parts.LayerNorm(config.Width, 1e-6);
        RegisterComponents();
    }

    /// <param name="pixels">Normalised pixels [B, 3, S, S].</param>
    /// <returns>Tokens, the class token first [B, 1 + patches, width].</returns>
    public override Tensor forward(Tensor pixels)
    {
        using var scope = NewDisposeScope();
        var patches = patch_embed.forward(pixels);
        var h = cat([cls_token.expand(pixels.shape[0], -1, -1), patches], 1) + pos_embed;
        return norm.forward(blocks.Aggregate(h, (x, block) => block.forward(x))).MoveToOuterDisposeScope();
    }
}

internal sealed class BlipPatchEmbedding : nn.Module<Tensor, Tensor>
{
    private readonly Conv2d proj;

    public BlipPatchEmbedding(BlipVisionConfig config) : base(nameof(BlipPatchEmbedding))
    {
        proj = Parts.Conv2d(3, config.Width, config.PatchSize, stride: config.PatchSize);
        RegisterComponents();
    }

    public override Tensor forward(Tensor pixels) => proj.forward(pixels).flatten(2).transpose(1, 2);
}

internal sealed class BlipVisionBlock : nn.Module<Tensor, Tensor>
{
    private readonly LayerNorm norm1;
    private readonly BlipVisionAttention attn;
    private readonly LayerNorm norm2;
    private readonly BlipMlp mlp;

    public BlipVisionBlock(int width, int heads) : base(nameof(BlipVisionBlock))
    {
        norm1 = Parts.LayerNorm(width, 1e-6);
        attn = new BlipVisionAttention(width, heads);
        norm2 = Parts.LayerNorm(width, 1e-6);
        mlp = new BlipMlp(width, 4 * width);
        RegisterComponents();
    }

    public override Tensor forward(Tensor h)
    {
        using var scope = NewDisposeScope();
        h = h + attn.forward(norm1.forward(h));
        return (h + mlp.forward(norm2.forward(h))).MoveToOuterDisposeScope();
    }
}

internal sealed class BlipVisionAttention : nn.Module<Tensor, Tensor>
{
    private readonly Linear qkv;
    private readonly Linear proj;
    private readonly int _heads;

    public BlipVisionAttention(int width, int heads) : base(nameof(BlipVisionAttention))
    {
        _heads = heads;
        qkv = Parts.Linear(width, 3 * width);
        proj = Parts.Linear(width, width);
        RegisterComponents();
    }

    public override Tensor forward(Tensor h)
    {
        var (b, l, width) = (h.shape[0], h.shape[1], h.shape[2]);
        var parts = qkv.forward(h).view(b, l, 3, _heads, width / _heads).permute(2, 0, 3, 1, 4).unbind(0);
        return proj.forward(nn.functional.scaled_dot_product_attention(parts[0], parts[1], parts[2]).transpose(1, 2)
            .reshape(b, l, width));
    }
}

internal sealed class BlipMlp : nn.Module<Tensor, Tensor>
{
    private readonly Linear fc1;
    private readonly Linear fc2;

    public BlipMlp(int width, int inner) : base(nameof(BlipMlp))
    {
        fc1 = Parts.Linear(width, inner);
        fc2 = Parts.Linear(inner, width);
        RegisterComponents();
    }

    public override Tensor forward(Tensor h) => fc2.forward(nn.functional.gelu(fc1.forward(h)));
}
