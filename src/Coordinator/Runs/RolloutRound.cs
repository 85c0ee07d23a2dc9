using AlignProp.Messages;

namespace AlignProp.Coordinator.Runs;

/// <summary>A round that samples and scores: its results are the rewards alone.</summary>
public sealed class RolloutRound(IReadOnlyList<Shard> shards, RoundSetting setting) : RoundWork(shards, setting)
{
    public override object Read(byte[] payload) => RewardsPayload.Deserialize(payload);

    /// <summary>What was announced and what was fetched must be one.</summary>
    protected override string? Keep(ShardDone done, int samples, object payload) =>
        done.Rewards.SequenceEqual((float[])payload) ? null : "the payload's rewards are not those that were announced";
}
