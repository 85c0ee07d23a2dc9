using AlignProp.Adapters.Configurations;
using AlignProp.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace AlignProp.Models.Clip;

/// <summary>Image and text towers with projections into one space. Mirrors transformers' CLIPModel, with its key names.</summary>
public sealed class ClipModel : nn.Module
{
    private readonly ClipTextTransformer text_model;
    private readonly ClipVisionTransformer vision_model;
    private readonly Linear visual_projection;
    private readonly Linear text_projection;
    private readonly Parameter logit_scale;

    public ClipModel(ClipConfig config) : base(nameof(ClipModel))
    {
        Config = config;
        text_model = new ClipTextTransformer(config.Text);
        vision_model = new ClipVisionTransformer(config.Vision);
        visual_projection = Parts.Linear(config.Vision.HiddenSize, config.ProjectionDim, hasBias: false);
        text_projection = Parts.Linear(config.Text.HiddenSize, config.ProjectionDim, hasBias: false);
        logit_scale = nn.Parameter(tensor(2.6592f));
        RegisterComponents();
    }

    public ClipConfig Config { get; }

    /// <summary>Dtype of the weights.</summary>
    public ScalarType WeightType => visual_projection.weight!.dtype;

    /// <summary>exp(logit_scale): the factor on the cosine in the contrastive logits.</summary>
    public Tensor LogitScale => logit_scale.exp();

    /// <param name="pixels">Normalised pixels [B, 3, S, S].</param>
    /// <returns>Projected CLS features [B, projection_dim], not normalised.</returns>
    public Tensor ImageFeatures(Tensor pixels)
    {
        using var scope = NewDisposeScope();
        return visual_projection.forward(vision_model.Encode(pixels).Pooled).MoveToOuterDisposeScope();
    }

    /// <param name="ids">Token ids [B, L].</param>
    /// <returns>Projected end-token features [B, projection_dim], not normalised.</returns>
    public Tensor TextFeatures(Tensor ids)
    {
        using var scope = NewDisposeScope();
        return text_projection.forward(text_model.Encode(ids, null, null).Pooled).MoveToOuterDisposeScope();
    }

    /// <returns>
    /// All tokens before post_layernorm [B, 1 + patches, width] and post_layernorm of the CLS token [B, width].
    /// </returns>
    public (Tensor LastHidden, Tensor Pooled) EncodeImage(Tensor pixels) => vision_model.Encode(pixels);

    /// <returns>All tokens after post_layernorm [B, 1 + patches, width]: what OWL-ViT's heads read.</returns>
    public Tensor ImageTokens(Tensor pixels) => vision_model.EncodeTokens(pixels);
}

/// <summary>Patch convolution, CLS token, encoder. The published key is spelled pre_layrnorm.</summary>
internal sealed class ClipVisionTransformer : nn.Module
{
    private readonly ClipVisionEmbeddings embeddings;
    private readonly LayerNorm pre_layrnorm;
    private readonly ClipEncoder encoder;
    private readonly LayerNorm post_layernorm;

    public ClipVisionTransformer(ClipVisionConfig config) : base(nameof(ClipVisionTransformer))
    {
        embeddings = new ClipVisionEmbeddings(config);
        pre_layrnorm = Parts.LayerNorm(config.HiddenSize, config.LayerNormEps);
        encoder = new ClipEncoder(config.HiddenSize, config.IntermediateSize, config.Layers, config.Heads, config.HiddenAct,
            config.LayerNormEps);
        post_layernorm = Parts.LayerNorm(config.HiddenSize, config.LayerNormEps);
        RegisterComponents();
    }

    public Tensor EncodeTokens(Tensor pixels)
    {
        using var scope = NewDisposeScope();
        return post_layernorm.forward(Encode(pixels).LastHidden).MoveToOuterDisposeScope();
    }

    public (Tensor LastHidden, Tensor Pooled) Encode(Tensor pixels)
    {
        using var scope = NewDisposeScope();
        var last = encoder.Forward(pre_layrnorm.forward(embeddings.forward(pixels)), causal: false);
        var pooled = post_layernorm.forward(last.select(1, 0));
        return (last.MoveToOuterDisposeScope(), pooled.MoveToOuterDisposeScope());
    }
}

internal sealed class ClipVisionEmbeddings : nn.Module<Tensor, Tensor>
{
    private readonly Parameter class_embedding;
    private readonly Conv2d patch_embedding;
    private readonly EmbeddingTable position_embedding;

    public ClipVisionEmbeddings(ClipVisionConfig config) : base(nameof(ClipVisionEmbeddings))
    {
        var patches = config.ImageSize / config.PatchSize * (config.ImageSize / config.PatchSize);
        class_embedding = nn.Parameter(randn(config.HiddenSize) * 0.02f);
        patch_embedding = Parts.Conv2d(3, config.HiddenSize, config.PatchSize, stride: config.PatchSize, bias: false);
        position_embedding = new EmbeddingTable(patches + 1, config.HiddenSize);
        RegisterComponents();
    }

    public override Tensor forward(Tensor pixels)
    {
        var patches = patch_embedding.forward(pixels).flatten(2).transpose(1, 2);
        var cls = class_embedding.expand(pixels.shape[0], 1, -1);
        return cat([cls, patches], 1) + position_embedding.Weight;
    }
}
