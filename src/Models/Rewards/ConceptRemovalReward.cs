using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Rewards;

/// <summary>
/// AlignProp's concept removal: 1 - the detector's confidence in each word, which is that of its surest box, averaged over the
/// words.
/// </summary>
public sealed class ConceptRemovalReward(OwlViTDetector detector) : IReward
{
    public Tensor Score(Tensor images, IReadOnlyList<string> prompts)
    {
        using var scope = NewDisposeScope();
        return (1f - detector.Detect(images).Probabilities.amax([1]).mean([1])).MoveToOuterDisposeScope();
    }

    public Tensor Features(Tensor images) => detector.Features(images);

    public void Dispose() => detector.Dispose();
}
