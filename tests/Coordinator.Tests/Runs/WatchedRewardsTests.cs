using AlignProp.Coordinator.Runs;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Tests.Runs;

/// <summary>Guards against over-optimisation: what may not fall, and which adapter is the best.</summary>
public sealed class WatchedRewardsTests
{
    private static readonly RunConfig Config = new()
    {
        Reward = new() { Name = "brightness" },
        Evaluation = new() { Rewards = [new() { Name = "symmetry" }, new() { Name = "colourfulness" }] },
        Stopping = new() { Watch = ["symmetry 0.1", "colourfulness 20"], MinDiversity = 0.5 },
    };

    [Fact]
    public void A_watched_reward_that_falls_too_far_below_its_best_is_named()
    {
        var watched = new WatchedRewards(Config);
        Assert.Null(watched.Fallen([]));
        Assert.Null(watched.Fallen([At(0, 1, 0.70), At(1, 2, 0.75), At(2, 3, 0.66)]));
        Assert.Equal("watched reward: the held-out mean of symmetry fell from 0.7500 to 0.6400, by more than 0.1",
            watched.Fallen([At(0, 1, 0.70), At(1, 2, 0.75), At(2, 3, 0.64)]));
        Assert.Contains("colourfulness fell from 50.0000 to 20.0000",
            watched.Fallen([At(0, 1, 0.7, colour: 50), At(1, 2, 0.7, colour: 20)]));
    }

    [Fact]
    public void The_best_adapter_has_the_highest_reward_of_those_within_the_rules()
    {
        Assert.Null(BestAdapter.Of(Config, []));
        Assert.Equal(0, BestAdapter.Of(Config, [At(0, 1, 0.7)]));
        // The third is higher and has lost its symmetry, the fourth its diversity.
        Assert.Equal(1, BestAdapter.Of(Config,
            [At(0, 1, 0.7), At(1, 2, 0.7), At(2, 5, 0.5), At(3, 9, 0.7, diversity: 0.3), At(4, 1.5, 0.7)]));
        // None is better than the base model: it stays.
        Assert.Equal(0, BestAdapter.Of(Config, [At(0, 1, 0.7), At(1, 0.5, 0.7)]));
        Assert.Equal(1, BestAdapter.Of(Config, [At(0, 1, 0.7), At(1, 2, 0.7), At(2, 2, 0.7)]));
    }

    [Theory]
    [InlineData("symmetry")]
    [InlineData("symmetry x")]
    [InlineData("symmetry -1")]
    [InlineData("beauty 1")]
    public void What_is_no_reward_of_the_run_with_a_number_is_refused(string entry) => Assert.Equal(
        $"stopping.watch = {entry}: expected a reward and how far it may fall, e.g. \"colourfulness 0.1\"; rewards of this "
        + "run: brightness, symmetry, colourfulness",
        Assert.Throws<ConfigException>(() => new WatchedRewards(Config with { Stopping = new() { Watch = [entry] } })).Message);

    private static EvaluationRecorded At(int step, double reward, double symmetry, double diversity = 0.8, double colour = 40) =>
        new(step, reward, 0, diversity,
            [new("brightness", reward, 0), new("symmetry", symmetry, 0), new("colourfulness", colour, 0)]);
}
