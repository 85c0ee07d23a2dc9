using AlignProp.Adapters.Configurations;
using AlignProp.Models.Clip;
using AlignProp.Models.Files;
using AlignProp.Models.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace AlignProp.Models.OwlVit;

/// <summary>
/// Open-vocabulary detector (Minderer et al., 2022): a box and a score for every query at every patch of a CLIP image tower.
/// Mirrors transformers' OwlViTForObjectDetection, with its key names (google/owlvit-base-patch32: 412 tensors, 153,231,879
/// numbers).
/// </summary>
public sealed class OwlViTModel : nn.Module
{
    private readonly ClipModel owlvit;
    private readonly OwlViTClassHead class_head;
    private readonly OwlViTBoxHead box_head;
    private readonly LayerNorm layer_norm;

    public OwlViTModel(ClipConfig config) : base(nameof(OwlViTModel))
    {
        Config = config;
        owlvit = new ClipModel(config);
        class_head = new OwlViTClassHead(config.Vision.HiddenSize, config.Text.HiddenSize);
        box_head = new OwlViTBoxHead(config.Vision.HiddenSize);
        layer_norm = Parts.LayerNorm(config.Vision.HiddenSize, 1e-5);
        RegisterComponents();
    }

    public ClipConfig Config { get; }

    /// <summary>Dtype of the weights.</summary>
    public ScalarType WeightType => owlvit.WeightType;

    /// <summary>Reads a folder's config.json; absent keys have OwlViTConfig's defaults.</summary>
    public static ClipConfig ReadConfig(string path)
    {
        // The end token is the largest id, which transformers' old configurations mean by 2.
        const long LargestId = 2;
        var json = JsonConfig.Load(path);
        var (text, vision) = (json.Object("text_config"), json.Object("vision_config"));
        return new ClipConfig(
            ClipTextConfig.Read(text) with { MaxPositions = text.Int("max_position_embeddings", 16), EosTokenId = LargestId },
            ClipVisionConfig.Read(vision) with { ImageSize = vision.Int("image_size", 768) },
            json.Int("projection_dim", 512));
    }

    /// <summary>The published key of the first LayerNorm is spelled right here, unlike CLIP's.</summary>
    public static string Rename(string key) =>
        key.Replace("vision_model.pre_layernorm.", "vision_model.pre_layrnorm.", StringComparison.Ordinal);

    /// <param name="ids">Token ids [Q, L].</param>
    /// <returns>[Q, projection_dim].</returns>
    public Tensor EncodeQueries(Tensor ids) => owlvit.TextFeatures(ids);

    /// <param name="pixels">Normalised pixels [B, 3, S, S].</param>
    /// <param name="queries">[Q, projection_dim].</param>
    /// <returns>
    /// Logits [B, P, Q] and boxes (centre x, centre y, width, height in 0..1) [B, P, 4] of the P patches, row by row; tokens [B,
    /// 1 + P, width].
    /// </returns>
    public (Tensor Logits, Tensor Boxes, Tensor Tokens) Detect(Tensor pixels, Tensor queries)
    {
        using var scope = NewDisposeScope();
        var tokens = owlvit.ImageTokens(pixels);
        var patches = tokens.narrow(1, 1, tokens.shape[1] - 1);
        var features = layer_norm.forward(patches * tokens.narrow(1, 0, 1));
        var side = Config.Vision.ImageSize / Config.Vision.PatchSize;
        var boxes = (box_head.forward(features) + BoxBias(side).to(features.dtype, features.device)).sigmoid();
        return (class_head.forward(features, queries).MoveToOuterDisposeScope(), boxes.MoveToOuterDisposeScope(),
            tokens.MoveToOuterDisposeScope());
    }

    /// <summary>A box starts out at its patch's lower right corner with a patch's size, in logits.</summary>
    /// <returns>[P, 4].</returns>
    internal static Tensor BoxBias(int side)
    {
        var bias = new float[side * side * 4];
        for (var i = 0; i < side * side; i++)
        {
            bias[4 * i] = Logit((i % side + 1f) / side);
            bias[4 * i + 1] = Logit((i / side + 1f) / side);
            bias[4 * i + 2] = bias[4 * i + 3] = Logit(1f / side);
        }
        return tensor(bias, [side * side, 4]);

        static float Logit(float x) => MathF.Log(x + 1e-4f) - MathF.Log(1 - x + 1e-4f);
    }
}

/// <summary>Cosine of patch and query, shifted and scaled by what the patch itself says.</summary>
internal sealed class OwlViTClassHead : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly Linear dense0;
    private readonly Linear logit_shift;
    private readonly Linear logit_scale;

    public OwlViTClassHead(int width, int queryWidth) : base(nameof(OwlViTClassHead))
    {
        dense0 = Parts.Linear(width, queryWidth);
        logit_shift = Parts.Linear(width, 1);
        logit_scale = Parts.Linear(width, 1);
        RegisterComponents();
    }

    /// <param name="features">[B, P, width].</param>
    /// <param name="queries">[Q, queryWidth].</param>
    /// <returns>[B, P, Q].</returns>
    public override Tensor forward(Tensor features, Tensor queries)
    {
        var cosine = Unit(dense0.forward(features)).matmul(Unit(queries).t());
        return (cosine + logit_shift.forward(features)) * (nn.functional.elu(logit_scale.forward(features), 1.0) + 1f);

        static Tensor Unit(Tensor x) => x / (x.norm(-1, keepdim: true, p: 2) + 1e-6f);
    }
}

internal sealed class OwlViTBoxHead : nn.Module<Tensor, Tensor>
{
    private readonly Linear dense0;
    private readonly Linear dense1;
    private readonly Linear dense2;

    public OwlViTBoxHead(int width) : base(nameof(OwlViTBoxHead))
    {
        dense0 = Parts.Linear(width, width);
        dense1 = Parts.Linear(width, width);
        dense2 = Parts.Linear(width, 4);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) =>
        dense2.forward(nn.functional.gelu(dense1.forward(nn.functional.gelu(dense0.forward(x)))));
}
