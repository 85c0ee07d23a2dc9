using AlignProp.Models.Rewards;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Tests.Rewards;

[Collection(FixtureCollection.Name)]
public class WeightedRewardTests
{
    [Fact]
    public void Terms_are_weighted_and_normalised_and_told_as_they_are()
    {
        using var scope = NewDisposeScope();
        var images = rand(3, 3, 16, 16) - 0.5f;
        var (bright, colour) = (new BrightnessReward(), new ColourfulnessReward());
        using var sum =
            new WeightedReward([new(bright, Weight: 2, Mean: 0.25, Std: 0.5), new(colour, Weight: -0.5, Mean: 20, Std: 10)]);
        var (total, terms) = sum.ScoreTerms(images, ["", "", ""]);
        var (b, c) = (bright.Score(images, []), colour.Score(images, []));
        Assert.Equal(2, terms.Count);
        Assert.True(terms[0].equal(b).all().item<bool>() && terms[1].equal(c).all().item<bool>());
        Assert.True(total.allclose((b - 0.25f) / 0.5f * 2 + (c - 20f) / 10f * -0.5f, 1e-5, 1e-5));
        Assert.True(sum.Score(images, ["", "", ""]).equal(total).all().item<bool>());
    }

    /// <summary>A reward that reads the prompt's length stands for one that reads the prompt.</summary>
    [Fact]
    public void A_relative_reward_is_the_difference_of_the_scores_with_both_words()
    {
        using var scope = NewDisposeScope();
        var images = zeros(2, 3, 4, 4).requires_grad_();
        using var relative = new RelativeReward(new LengthReward(), "good", "");
        Assert.Equal([6f, 6f], relative.Score(images, ["a", "a longer one"]).data<float>().ToArray());
        using var other = new RelativeReward(new LengthReward(), "", "very bad");
        var score = other.Score(images, ["a", "b"]);
        Assert.Equal([-10f, -10f], score.data<float>().ToArray());
        // What does not depend on the words falls out, gradient and all.
        score.sum().backward();
        Assert.Equal(0, images.grad!.abs().max().item<float>());
        Assert.Equal((2, 8), (relative.Features(images).shape[0], relative.Features(images).shape[1]));
    }

    private sealed class LengthReward : IReward
    {
        public Tensor Score(Tensor images, IReadOnlyList<string> prompts) =>
            images.mean([1, 2, 3]) + tensor(prompts.Select(p => (float)p.Length).ToArray());

        public Tensor Features(Tensor images) => ones(images.shape[0], 8);

        public void Dispose()
        {
        }
    }

    [Fact]
    public void A_sum_of_one_plain_term_is_that_term_bit_for_bit()
    {
        using var scope = NewDisposeScope();
        var images = (rand(2, 3, 16, 16) - 0.5f).requires_grad_();
        using var colour = new ColourfulnessReward();
        using var sum = new WeightedReward([new(colour)]);
        colour.Score(images, []).sum().backward();
        var alone = images.grad!.clone();
        images.grad!.zero_();
        sum.Score(images, []).sum().backward();
        Assert.True(images.grad!.equal(alone).all().item<bool>());
    }
}
