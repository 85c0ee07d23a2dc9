using AlignProp.Adapters;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Rewards;

/// <summary>How far the cosine of image and prompt is stretched.</summary>
public enum ClipScoreScale
{
    /// <summary>Not at all: HPS v2 and v2.1 (Wu et al., 2023).</summary>
    Cosine,

    /// <summary>Percent: CLIP score (Hessel et al., 2021) without its cut at zero, which would stop the gradient.</summary>
    Percent,

    /// <summary>exp(logit_scale): PickScore (Kirstain et al., 2023).</summary>
    LogitScale,
}

/// <summary>
/// Cosine of an image and its prompt in a CLIP model's space: hps, pickscore and clip differ in the weights and in the scale.
/// </summary>
public sealed class ClipScoreReward(ClipEmbedder clip, ClipScoreScale scale) : IReward
{
    /// <exception cref="ModelFileException">A file is missing, damaged or of another shape.</exception>
    public static ClipScoreReward Load(string folder, Device device, ScalarType dtype, ClipScoreScale scale) =>
        new(ClipEmbedder.Load(folder, device, dtype, antialias: false), scale);

    public Tensor Score(Tensor images, IReadOnlyList<string> prompts)
    {
        using var scope = NewDisposeScope();
        return Score(images, clip.Prompts(prompts, images.device)).MoveToOuterDisposeScope();
    }

    /// <param name="text">Normalised text features [B, D].</param>
    public Tensor Score(Tensor images, Tensor text)
    {
        using var scope = NewDisposeScope();
        var cosine = (clip.Images(images) * text).sum(-1);
        return (scale switch
        {
            ClipScoreScale.Percent => cosine * 100f,
            ClipScoreScale.LogitScale => cosine * clip.LogitScale.to(ScalarType.Float32),
            _ => cosine,
        }).MoveToOuterDisposeScope();
    }

    public Tensor Features(Tensor images)
    {
        using var noGrad = no_grad();
        return clip.Images(images);
    }

    public void Dispose() => clip.Dispose();
}
