using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Rewards;

/// <summary>
/// Correlation of a picture with its mirror image, left to right: 1 when they are the same, 0 when they have nothing in common.
/// Contrast does not enter, so that a flat picture is no way out; an entirely flat one scores 0.
/// </summary>
public sealed class SymmetryReward : IReward
{
    // The variance of one step of 8 bits: below it there is nothing to be symmetric.
    private const float Floor = 1f / (255 * 255);

    public Tensor Score(Tensor images, IReadOnlyList<string> prompts)
    {
        using var scope = NewDisposeScope();
        var pixels = Pixels.From(images);
        var centred = pixels - pixels.mean([1, 2, 3], keepdim: true);
        return ((centred * centred.flip(3)).mean([1, 2, 3]) / (centred.square().mean([1, 2, 3]) + Floor))
            .MoveToOuterDisposeScope();
    }

    public Tensor Features(Tensor images) => Thumbnail.Features(images);

    public void Dispose()
    {
    }
}
