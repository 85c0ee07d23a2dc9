using AlignProp.Adapters.Configurations;
using AlignProp.Models.Files;
using AlignProp.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace AlignProp.Models.Blip;

/// <summary>The keys of BLIP's med_config.json.</summary>
public sealed record BlipTextConfig(int VocabSize, int HiddenSize, int IntermediateSize, int Layers, int Heads, int MaxPositions,
    double LayerNormEps)
{
    public static BlipTextConfig Read(JsonConfig json)
    {
        json.OneOf("hidden_act", "gelu", "gelu");
        return new BlipTextConfig(json.Int("vocab_size", 30524), json.Int("hidden_size", 768),
            json.Int("intermediate_size", 3072),
            json.Int("num_hidden_layers", 12), json.Int("num_attention_heads", 12), json.Int("max_position_embeddings", 512),
                json.Double("layer_norm_eps", 1e-12));
    }
}

/// <summary>
/// BLIP's text encoder grounded in an image: BERT whose every layer also attends to the image's tokens. Mirrors BLIP's
/// med.BertModel in its multimodal mode, with its key names.
/// </summary>
public sealed class BlipTextEncoder : nn.Module
{
    private readonly BlipTextEmbeddings embeddings;
    private readonly BlipTextLayers encoder;

    /// <param name="imageWidth">Width of the image encoder's tokens.</param>
    public BlipTextEncoder(BlipTextConfig config, int imageWidth) : base(nameof(BlipTextEncoder))
    {
        embeddings = new BlipTextEmbeddings(config);
        encoder = new BlipTextLayers(config, imageWidth);
        RegisterComponents();
    }

    /// <param name="ids">Token ids [B, L].</param>
    /// <param name="mask">1 for tokens, 0 for padding [B, L].</param>
    /// <param name="image">The image's tokens [B, T, imageWidth].</param>
    /// <returns>[B, L, width].</returns>
    public Tensor Encode(Tensor ids, Tensor mask, Tensor image)
    {
        using var scope = NewDisposeScope();
        // BERT's way: a large negative number, not minus infinity.
        var padding = ((1f - mask.to(image.dtype)) * -10000f).unsqueeze(1).unsqueeze(1);
        return encoder.layer.Aggregate(embeddings.forward(ids), (h, layer) => layer.Forward(h, padding, image))
            .MoveToOuterDisposeScope();
    }
}

internal sealed class BlipTextEmbeddings : nn.Module<Tensor, Tensor>
{
    private readonly EmbeddingTable word_embeddings;
    private readonly EmbeddingTable position_embeddings;
    private readonly LayerNorm LayerNorm;

    public BlipTextEmbeddings(BlipTextConfig config) : base(nameof(BlipTextEmbeddings))
    {
        word_embeddings = new EmbeddingTable(config.VocabSize, config.HiddenSize);
        position_embeddings = new EmbeddingTable(config.MaxPositions, config.HiddenSize);
        LayerNorm = Parts.LayerNorm(config.HiddenSize, config.LayerNormEps);
        RegisterComponents();
    }

    public override Tensor forward(Tensor ids) =>
        LayerNorm.forward(word_embeddings.forward(ids) + position_embeddings.Weight[..(int)ids.shape[1]]);
}

internal sealed class BlipTextLayers : nn.Module
{
    internal readonly ModuleList<BlipTextLayer> layer;

    public BlipTextLayers(BlipTextConfig config, int imageWidth) : base(nameof(BlipTextLayers))
    {
        layer = new ModuleList<BlipTextLayer>(Enumerable.Range(0, config.Layers)
            .Select(_ => new BlipTextLayer(config, imageWidth)).ToArray());
        RegisterComponents();
    }
}

internal sealed class BlipTextLayer : nn.Module
{
    private readonly BlipTextAttention attention;
    private readonly BlipTextAttention crossattention;
    private readonly BlipTextDense intermediate;
    private readonly BlipTextOutput output;

    public BlipTextLayer(BlipTextConfig config, int imageWidth) : base(nameof(BlipTextLayer))
    {
        attention = new BlipTextAttention(config, config.HiddenSize);
        crossattention = new BlipTextAttention(config, imageWidth);
        intermediate = new BlipTextDense(config);
        output = new BlipTextOutput(config.IntermediateSize, config);
        RegisterComponents();
    }

    public Tensor Forward(Tensor h, Tensor padding, Tensor image)
    {
        using var scope = NewDisposeScope();
        h = attention.Forward(h, h, padding);
        h = crossattention.Forward(h, image, null);
        return output.forward(nn.functional.gelu(intermediate.forward(h)), h).MoveToOuterDisposeScope();
    }
}

/// <summary>Attention with its residual and LayerNorm behind it.</summary>
internal sealed class BlipTextAttention : nn.Module
{
    private readonly BlipTextProjections self;
    private readonly BlipTextOutput output;

    public BlipTextAttention(BlipTextConfig config, int sourceWidth) : base(nameof(BlipTextAttention))
    {
        self = new BlipTextProjections(config, sourceWidth);
        output = new BlipTextOutput(config.HiddenSize, config);
        RegisterComponents();
    }

    public Tensor Forward(Tensor h, Tensor source, Tensor? mask) => output.forward(self.Forward(h, source, mask), h);
}

internal sealed class BlipTextProjections : nn.Module
{
    private readonly Linear query;
    private readonly Linear key;
    private readonly Linear value;
    private readonly int _heads;

    public BlipTextProjections(BlipTextConfig config, int sourceWidth) : base(nameof(BlipTextProjections))
    {
        _heads = config.Heads;
        query = Parts.Linear(config.HiddenSize, config.HiddenSize);
        key = Parts.Linear(sourceWidth, config.HiddenSize);
        value = Parts.Linear(sourceWidth, config.HiddenSize);
        RegisterComponents();
    }

    public Tensor Forward(Tensor h, Tensor source, Tensor? mask)
    {
        var y = nn.functional.scaled_dot_product_attention(Split(query.forward(h)), Split(key.forward(source)),
            Split(value.forward(source)), attn_mask: mask);
        return y.transpose(1, 2).reshape(h.shape);

        Tensor Split(Tensor x) => x.view(x.shape[0], x.shape[1], _heads, -1).transpose(1, 2);
    }
}

internal sealed class BlipTextDense : nn.Module<Tensor, Tensor>
{
    private readonly Linear dense;

    public BlipTextDense(BlipTextConfig config) : base(nameof(BlipTextDense))
    {
        dense = Parts.Linear(config.HiddenSize, config.IntermediateSize);
        RegisterComponents();
    }

    public override Tensor forward(Tensor h) => dense.forward(h);
}

internal sealed class BlipTextOutput : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly Linear dense;
    private readonly LayerNorm LayerNorm;

    public BlipTextOutput(int width, BlipTextConfig config) : base(nameof(BlipTextOutput))
    {
        dense = Parts.Linear(width, config.HiddenSize);
        LayerNorm = Parts.LayerNorm(config.HiddenSize, config.LayerNormEps);
        RegisterComponents();
    }

    public override Tensor forward(Tensor h, Tensor residual) => LayerNorm.forward(dense.forward(h) + residual);
}
