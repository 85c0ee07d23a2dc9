using AlignProp.Coordinator.Methods;

namespace AlignProp.Coordinator.Tests.Methods;

/// <summary>RWR's weights against the reference's functions.</summary>
public sealed class RewardWeightsTests
{
    private const double Beta = 0.2;

    private static readonly float[] Rewards = OwnSamplesFixture.Singles("rwr", "inputs", "big_rewards");
    private static readonly string[] Prompts =
        [.. OwnSamplesFixture.Values<long>("rwr", "inputs", "big_prompt").Select(p => $"prompt {p}")];

    [Fact]
    public void Softmax_over_the_batch() => Same("weights_dataset", RewardWeights.Softmax(Rewards, Beta));

    [Fact]
    public void Softmax_within_each_prompt() =>
        Same("weights_per_prompt", RewardWeights.OfPrompts(Prompts, Rewards, Beta));

    [Fact]
    public void Softmax_of_normalised_rewards() =>
        Same("weights_of_normalised", RewardWeights.Normalised(Rewards, Beta));

    [Fact]
    public void Sparse_keeps_what_lies_from_the_percentile_on_and_averages_over_it()
    {
        var mask = OwnSamplesFixture.Values<bool>("rwr", "expected", "sparse_mask");
        var weights = RewardWeights.Sparse(Rewards, 60);
        Assert.Equal(mask, weights.Select(w => w > 0));
        Assert.Equal(Rewards.Length, weights.Sum(), 9);
        // However it is rounded, the best one is left.
        Assert.Equal([0, 0, 3], RewardWeights.Sparse([0.1f, 0.2f, 0.3f], 100));
    }

    [Fact]
    public void Linear_brings_the_reward_to_0_to_1()
    {
        Assert.Equal(OwnSamplesFixture.Singles("rwr", "inputs", "weights_linear").Select(w => (double)w),
            RewardWeights.Linear(OwnSamplesFixture.Singles("rwr", "inputs", "rewards")).Select(w => (double)(float)w));
        Assert.Equal([1, 1], RewardWeights.Linear([3, 3]));
    }

    [Fact]
    public void Large_rewards_do_not_overflow() => Assert.Equal([0, 2], RewardWeights.Softmax([0, 1e30f], 1e6));

    private static void Same(string tensor, IReadOnlyList<double> found) =>
        Assert.All(OwnSamplesFixture.Singles("rwr", "expected", tensor).Zip(found),
            pair => Assert.Equal(pair.Item1, pair.Item2, 1e-5 * pair.Item1));
}
