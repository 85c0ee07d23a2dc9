using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Rewards;

/// <summary>
/// How many things of the words a detector sees, made smooth: a patch counts p^2 / (p^2 + 0.1^2) of its best word's probability p
/// (0.1 is the detector's usual threshold), and patches whose boxes overlap by half share one count between them, as non-maximum
/// suppression would leave one.
/// </summary>
public sealed class CountReward(OwlViTDetector detector) : IReward
{
    private const float Threshold = 0.1f;
    private const float Overlap = 0.5f;

    public Tensor Score(Tensor images, IReadOnlyList<string> prompts)
    {
        using var scope = NewDisposeScope();
        var (probabilities, boxes) = detector.Detect(images);
        return Count(probabilities.amax([2]), boxes).MoveToOuterDisposeScope();
    }

    /// <param name="probabilities">[B, P].</param>
    /// <param name="boxes">Centre and size [B, P, 4]; which overlap is taken as given, without gradient.</param>
    /// <returns>[B].</returns>
    public static Tensor Count(Tensor probabilities, Tensor boxes)
    {
        using var scope = NewDisposeScope();
        var squares = probabilities.square();
        var counted = squares / (squares + Threshold * Threshold);
        // A patch alone counts for itself; n sure ones on one thing count 1/n each.
        var shared = SameThing(boxes.detach()).matmul(counted.unsqueeze(-1)).squeeze(-1).clamp_min(1);
        return (counted / shared).sum([1]).MoveToOuterDisposeScope();
    }

    public Tensor Features(Tensor images) => detector.Features(images);

    public void Dispose() => detector.Dispose();

    /// <summary>1 where two boxes' intersection over union is at least a half [B, P, P].</summary>
    private static Tensor SameThing(Tensor boxes)
    {
        var (centre, size) = (boxes.narrow(2, 0, 2), boxes.narrow(2, 2, 2));
        var (low, high) = (centre - size / 2, centre + size / 2);
        var sides = (minimum(high.unsqueeze(2), high.unsqueeze(1)) - maximum(low.unsqueeze(2), low.unsqueeze(1))).clamp_min(0);
        var intersection = sides.select(3, 0) * sides.select(3, 1);
        var area = size.select(2, 0) * size.select(2, 1);
        return intersection.ge((area.unsqueeze(2) + area.unsqueeze(1) - intersection) * Overlap).to(ScalarType.Float32);
    }
}
