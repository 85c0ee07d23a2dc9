using AlignProp.Adapters;
using AlignProp.Coordinator.Runs;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Tests.Runs;

/// <summary>What rounds on own samples take, and refuse.</summary>
public sealed class RolloutRoundTests
{
    private static readonly LoraWeights Adapter = new(1, 1,
        [new LoraTensor("m.lora_A.weight", [1, 1], [1]), new LoraTensor("m.lora_B.weight", [1, 1], [0])]);

    [Fact]
    public void A_roll_out_is_the_rewards_that_were_announced()
    {
        var round = Assert.IsType<RolloutRound>(Round(new ShardTask.Rollout()));
        Assert.Contains("not those that were announced", round.Take(Done(0, [1, 2]), RewardsPayload.Deserialize(
            RewardsPayload.Serialize([1, 3]))));
        Assert.Contains("expected 2 finite rewards", round.Take(Done(0, [1, float.NaN]), new float[] { 1, float.NaN }));
        Assert.Null(round.Take(Done(1, [3, 4]), round.Read(RewardsPayload.Serialize([3, 4]))));
        Assert.Null(round.Take(Done(0, [1, 2]), round.Read(RewardsPayload.Serialize([1, 2]))));
        Assert.Equal([1, 2, 3, 4], round.Rewards);
        Assert.Equal(2.5, round.Terms.Single().Mean);
        Assert.Throws<ArgumentException>(() => round.Read([1, 2, 3]));
    }

    [Fact]
    public void A_gradient_on_own_samples_comes_without_rewards()
    {
        var round = Assert.IsType<GradientRound>(Round(new ShardTask.PolicyGradient(3, [1, 2], 0.1)));
        Assert.Contains("expected 0 finite rewards", round.Take(Done(0, [1, 2]), Adapter));
        Assert.Null(round.Take(Done(0, []), Adapter));
        Assert.Null(round.Take(Done(1, []) with { Loss = 3 }, Adapter));
        Assert.Equal((0, 0), (round.Rewards.Count, round.Terms.Count));
        Assert.Equal(2, round.Loss);
        Assert.Equal([3, 3], round.Truncations);
    }

    private static RoundWork Round(ShardTask task)
    {
        List<Shard> shards = [.. Enumerable.Range(0, 2).Select(i => new Shard(new("run"), 1, 0, i, task,
            [new ShardSample("a", 1, 1), new ShardSample("b", 2, 2)]))];
        var minute = TimeSpan.FromMinutes(1);
        var leases = new LeaseTable(shards, new LeaseRules(minute, minute, TimeSpan.Zero), "life");
        return RoundWork.Of(shards, new RoundSetting(Adapter, Blob, leases, DateTimeOffset.UnixEpoch, ["reward"]));
    }

    private static readonly BlobRef Blob = BlobRef.Of(Adapter.Serialize());

    private static ShardDone Done(int shard, IReadOnlyList<float> rewards) => new(
        new($"lease-{shard}"), DeviceId.Parse("n/cpu:0"), new ShardKey(new("run"), 1, 0, shard, Blob.Hash), rewards, 1, Blob,
        default, 0, rewards);
}
