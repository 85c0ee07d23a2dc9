using static TorchSharp.torch;

namespace AlignProp.Models.Rewards;

/// <summary>A differentiable reward of decoded images.</summary>
public interface IReward : IDisposable
{
    /// <summary>The reward of every image; higher is better.</summary>
    /// <param name="images">The VAE's output [B, 3, H, W], about [-1, 1], not clamped.</param>
    /// <param name="prompts">The prompt of each image.</param>
    /// <returns>[B], fp32, differentiable in the images.</returns>
    Tensor Score(Tensor images, IReadOnlyList<string> prompts);

    /// <summary>The same for a reward that is a sum, with its parts.</summary>
    /// <returns>The reward [B], and what it is the sum of [B] each, before weight and normalisation.</returns>
    (Tensor Reward, IReadOnlyList<Tensor> Terms) ScoreTerms(Tensor images, IReadOnlyList<string> prompts)
    {
        var scores = Score(images, prompts);
        return (scores, [scores]);
    }

    /// <summary>What the images show, for the diversity guard.</summary>
    /// <returns>[B, D], fp32, L2-normalised, without gradient.</returns>
    Tensor Features(Tensor images);
}
