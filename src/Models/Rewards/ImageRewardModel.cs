using AlignProp.Models.Blip;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Rewards;

/// <summary>
/// ImageReward (Xu et al., 2023): BLIP's text encoder on the prompt, grounded in the image; a head on its first token. Key names
/// of the published ImageReward.pt: blip.visual_encoder (303,301,632 numbers), blip.text_encoder (141,977,088), mlp (927,969).
/// </summary>
public sealed class ImageRewardModel : nn.Module
{
    private const string Head = "mlp.";

    /// <summary>BLIP's contrastive projections: upstream's class has them, so its files may, and no score reads them.</summary>
    private static readonly string[] Unread = ["blip.vision_proj.", "blip.text_proj."];

    private readonly BlipEncoders blip;
    private readonly AestheticHead mlp;

    public ImageRewardModel(BlipVisionConfig vision, BlipTextConfig text) : base(nameof(ImageRewardModel))
    {
        blip = new BlipEncoders(vision, text);
        mlp = new AestheticHead(text.HiddenSize);
        RegisterComponents();
    }

    /// <summary>The head is LAION's five layers under other keys; the rest has the published names. Null: not read.</summary>
    public static string? Rename(string key) => key.StartsWith(Head, StringComparison.Ordinal)
        ? AestheticHead.Rename(key[Head.Length..]) is { } name ? Head + name : null
        : Unread.Any(u => key.StartsWith(u, StringComparison.Ordinal)) ? null : key;

    /// <summary>Scores are computed in fp32 whatever the encoders' dtype is.</summary>
    public void HeadTo(ScalarType dtype) => mlp.to(dtype);

    /// <returns>Tokens of the image [B, T, width].</returns>
    public Tensor EncodeImage(Tensor pixels) => blip.visual_encoder.forward(pixels);

    /// <param name="ids">Token ids [B, L].</param>
    /// <param name="mask">1 for tokens, 0 for padding [B, L].</param>
    /// <param name="image">Tokens of the image [B, T, width].</param>
    /// <returns>[B], before the published normalisation.</returns>
    public Tensor Score(Tensor ids, Tensor mask, Tensor image)
    {
        using var scope = NewDisposeScope();
        return mlp.forward(blip.text_encoder.Encode(ids, mask, image).select(1, 0).to(ScalarType.Float32))
            .MoveToOuterDisposeScope();
    }
}
