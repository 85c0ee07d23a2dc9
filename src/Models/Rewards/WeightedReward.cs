using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Rewards;

/// <param name="Reward">r, owned by the sum.</param>
/// <param name="Weight">Below 0 lowers r.</param>
public sealed record WeightedTerm(IReward Reward, double Weight = 1, double Mean = 0, double Std = 1);

/// <summary>R = sum of w (r - mean) / std over its terms.</summary>
public sealed class WeightedReward(IReadOnlyList<WeightedTerm> terms) : IReward
{
    public Tensor Score(Tensor images, IReadOnlyList<string> prompts)
    {
        using var scope = NewDisposeScope();
        return ScoreTerms(images, prompts).Reward.MoveToOuterDisposeScope();
    }

    public (Tensor Reward, IReadOnlyList<Tensor> Terms) ScoreTerms(Tensor images, IReadOnlyList<string> prompts)
    {
        var scores = terms.Select(t => t.Reward.Score(images, prompts)).ToList();
        return (terms.Zip(scores, Normalised).Aggregate((sum, term) => sum + term), scores);
    }

    /// <summary>Of the first term: rewards with a model of their own see more than a thumbnail, so it goes first.</summary>
    public Tensor Features(Tensor images) => terms[0].Reward.Features(images);

    public void Dispose()
    {
        foreach (var term in terms)
        {
            term.Reward.Dispose();
        }
    }

    /// <summary>Factors of one and means of zero are left out, so that a sum of one term is that term, bit for bit.</summary>
    private static Tensor Normalised(WeightedTerm term, Tensor score)
    {
        var centred = term.Mean == 0 ? score : score - (float)term.Mean;
        var factor = (float)(term.Weight / term.Std);
        return factor == 1 ? centred : centred * factor;
    }
}
