using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Rewards;

/// <summary>Mean of the image in [0, 1]: needs no model; for tests and first looks.</summary>
public sealed class BrightnessReward : IReward
{
    public Tensor Score(Tensor images, IReadOnlyList<string> prompts)
    {
        using var scope = NewDisposeScope();
        return (images / 2 + 0.5f).clamp(0, 1).mean([1, 2, 3]).MoveToOuterDisposeScope();
    }

    public Tensor Features(Tensor images) => Thumbnail.Features(images);

    public void Dispose()
    {
    }
}
