using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Training;

/// <summary>The loss per sample, of which the batch mean is minimised.</summary>
/// <param name="Kind">
/// negative-reward: -R (the paper); distance: |R - Target| (the official code's aesthetic loss); hinge: relu(Target - R) (ReFL).
/// </param>
public sealed record AlignmentLoss(string Kind = "negative-reward", double Target = 0, double Scale = 1)
{
    /// <param name="rewards">[B].</param>
    /// <returns>[B].</returns>
    public Tensor Of(Tensor rewards) => Kind switch
    {
        "negative-reward" => rewards * (float)-Scale,
        "distance" => (rewards - (float)Target).abs() * (float)Scale,
        "hinge" => ((float)Target - rewards).relu() * (float)Scale,
        _ => throw new InvalidOperationException(
            $"loss kind {Kind} is not supported; expected negative-reward, distance or hinge"),
    };
}
