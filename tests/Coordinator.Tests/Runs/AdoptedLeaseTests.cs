using AlignProp.Coordinator.Runs;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Tests.Runs;

/// <summary>Shards that were begun under a coordinator that died: nobody else computes them while their device lives.</summary>
public class AdoptedLeaseTests
{
    private static readonly DateTimeOffset Start = DateTimeOffset.UnixEpoch;
    private static readonly LeaseRules Rules = new(TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(600));
    private static readonly DeviceId A = DeviceId.Parse("a/cpu:0"), B = DeviceId.Parse("b/cpu:0");
    private readonly LeaseTable _table = new([Shard(0), Shard(1), Shard(2)], Rules, "t");

    [Fact]
    public void A_result_handed_in_at_once_does_not_make_the_others_slow()
    {
        _table.Adopt(new LeaseId("held"), 0, A, 1, Start);
        _table.Adopt(new LeaseId("running"), 1, B, 0.5, Start);
        _table.Complete(0, Start.AddSeconds(0.1));
        Assert.Equal(2, _table.Acquire(A, Start.AddSeconds(0.1))!.Shard.Index);
        _table.Complete(2, Start.AddSeconds(4));
        Assert.Null(_table.Acquire(A, Start.AddSeconds(4.5)));
        // What was measured counts: now it has taken more than twice as long as a shard takes.
        Assert.Equal(1, _table.Acquire(A, Start.AddSeconds(8))!.Shard.Index);
    }

    [Fact]
    public void Results_that_wait_for_their_turn_are_not_given_away_while_their_device_speaks()
    {
        _table.Adopt(new LeaseId("first"), 0, A, 1, Start);
        _table.Adopt(new LeaseId("second"), 1, A, 1, Start);
        _table.Adopt(new LeaseId("silent"), 2, B, 1, Start);
        _table.Hear(A, Start.AddSeconds(4));
        Assert.Equal(["silent"], _table.Expire(Start.AddSeconds(6)).Select(l => l.Id.Value));
    }

    private static Shard Shard(int index) =>
        new(new RunId("r"), 1, 0, index, new ShardTask.Evaluate(false), [new ShardSample("p", 1, 1)]);
}
