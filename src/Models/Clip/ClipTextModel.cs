using AlignProp.Adapters.Configurations;
using AlignProp.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace AlignProp.Models.Clip;

/// <summary>
/// A text encoder of Stable Diffusion. Mirrors transformers' CLIPTextModel (keys text_model.*), and with a projection
/// CLIPTextModelWithProjection (text_projection.weight beside them).
/// </summary>
public sealed class ClipTextModel : nn.Module
{
    private readonly ClipTextTransformer text_model;
    private readonly Linear? text_projection;

    /// <param name="projection">
    /// Whether the pooled features are projected to config.ProjectionDim (SDXL's second encoder).
    /// </param>
    public ClipTextModel(ClipTextConfig config, bool projection = false) : base(nameof(ClipTextModel))
    {
        Config = config;
        text_model = new ClipTextTransformer(config);
        text_projection = projection ? Parts.Linear(config.HiddenSize, config.ProjectionDim, hasBias: false) : null;
        RegisterComponents();
    }

    public ClipTextConfig Config { get; }

    /// <summary>
    /// What SD 1 and 2 read (SD 2's files leave out the last layer, so that its last is the penultimate of OpenCLIP's).
    /// </summary>
    /// <param name="ids">Token ids [B, L].</param>
    /// <returns>Last hidden state after the final LayerNorm [B, L, width] and the pooled end token [B, width].</returns>
    public (Tensor LastHidden, Tensor Pooled) Encode(Tensor ids, Tensor? attentionMask = null,
        Action<Tensor>? eachLayer = null) =>
        text_model.Encode(ids, attentionMask, eachLayer);

    /// <summary>What SDXL reads.</summary>
    /// <param name="ids">Token ids [B, L].</param>
    /// <returns>
    /// The output of the layer before the last, without the final LayerNorm [B, L, width], and the pooled end token of the last,
    /// projected where there is a projection.
    /// </returns>
    public (Tensor Penultimate, Tensor Pooled) EncodePenultimate(Tensor ids)
    {
        using var scope = NewDisposeScope();
        // The embeddings come first, then every layer's output; each is kept beyond the encoder's own scope.
        Tensor? beforeLast = null, last = null;
        var (_, pooled) = text_model.Encode(ids, null, h => (beforeLast, last) = (last, h.MoveToOuterDisposeScope()));
        var features = text_projection is null ? pooled : text_projection.forward(pooled);
        return (beforeLast!.MoveToOuterDisposeScope(), features.MoveToOuterDisposeScope());
    }
}

/// <summary>Token and position embeddings, causal encoder, final LayerNorm.</summary>
internal sealed class ClipTextTransformer : nn.Module
{
    private readonly ClipTextEmbeddings embeddings;
    private readonly ClipEncoder encoder;
    private readonly LayerNorm final_layer_norm;
    private readonly long _eos;

    public ClipTextTransformer(ClipTextConfig config) : base(nameof(ClipTextTransformer))
    {
        embeddings = new ClipTextEmbeddings(config);
        encoder = new ClipEncoder(config.HiddenSize, config.IntermediateSize, config.Layers, config.Heads, config.HiddenAct,
            config.LayerNormEps);
        final_layer_norm = Parts.LayerNorm(config.HiddenSize, config.LayerNormEps);
        _eos = config.EosTokenId;
        RegisterComponents();
    }

    public (Tensor LastHidden, Tensor Pooled) Encode(Tensor ids, Tensor? attentionMask, Action<Tensor>? eachLayer)
    {
        using var scope = NewDisposeScope();
        var embedded = embeddings.forward(ids);
        eachLayer?.Invoke(embedded);
        var mask = attentionMask is null ? null : CausalMask(attentionMask, embedded.dtype);
        var last = final_layer_norm.forward(encoder.Forward(embedded, causal: true, mask, eachLayer));
        // Configurations from before transformers 4.31 carry eos_token_id 2 and mean "the largest id"; the end token is the
        // largest.
        var end = _eos == 2 ? ids.argmax(-1) : ids.eq(_eos).to(ScalarType.Int32).argmax(-1);
        var pooled = last[arange(ids.shape[0], device: ids.device), end];
        return (last.MoveToOuterDisposeScope(), pooled.MoveToOuterDisposeScope());
    }

    /// <summary>[B, L] of ones and zeros -> additive [B, 1, L, L], causal and without padding.</summary>
    private static Tensor CausalMask(Tensor attentionMask, ScalarType dtype)
    {
        var length = attentionMask.shape[1];
        var allowed = ones(length, length, device: attentionMask.device).tril().unsqueeze(0) * attentionMask.unsqueeze(1);
        return zeros_like(allowed, dtype: dtype).masked_fill(allowed.eq(0), float.NegativeInfinity).unsqueeze(1);
    }
}

internal sealed class ClipTextEmbeddings : nn.Module<Tensor, Tensor>
{
    private readonly EmbeddingTable token_embedding;
    private readonly EmbeddingTable position_embedding;

    public ClipTextEmbeddings(ClipTextConfig config) : base(nameof(ClipTextEmbeddings))
    {
        token_embedding = new EmbeddingTable(config.VocabSize, config.HiddenSize);
        position_embedding = new EmbeddingTable(config.MaxPositions, config.HiddenSize);
        RegisterComponents();
    }

    public override Tensor forward(Tensor ids) =>
        token_embedding.forward(ids) + position_embedding.Weight[..(int)ids.shape[1]];
}
