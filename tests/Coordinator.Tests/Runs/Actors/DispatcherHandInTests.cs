using AlignProp.Messages;

namespace AlignProp.Coordinator.Tests.Runs.Actors;

/// <summary>After an interruption what devices hold is handed in, and what they compute is adopted.</summary>
public sealed class DispatcherHandInTests : DispatcherKit
{
    private ShardKey Key(int shard, int step = 1) => new(Setup.Run, step, 0, shard, BlobHash.Of(Trained.Bytes));

    [Fact]
    public void Shards_are_handed_out_only_when_everybody_had_time_to_say_what_they_hold()
    {
        Order(handIn: true);
        Advance(60);
        var (a, b) = (Device("a"), Device("b"));
        Assert.IsType<NoWork>(a.Ask());
        Advance(3);
        Assert.IsType<NoWork>(b.Ask());
        Advance(1);
        Assert.Equal([0, 1], new[] { a.Sent(), b.Sent() }.Select(l => l.Shard.Index).Order());
    }

    [Fact]
    public void Held_results_are_leased_to_their_holder_who_hands_them_in_and_nobody_computes_them()
    {
        Order(shards: 3, handIn: true);
        var (holder, other) = (Device("holder"), Device("other"));
        Assert.IsType<NoWork>(other.Ask());
        var held = holder.Lease([Key(0), Key(1)]);
        Advance(4);
        Assert.Equal(2, other.Sent().Shard.Index);
        Assert.True(holder.HandIn(held).Accepted);
        Assert.True(holder.HandIn(holder.Lease([Key(0), Key(1)])).Accepted);
        Assert.True(other.HandIn(other.Lease()).Accepted);
        Run.ExpectMsg<Coordinator.Runs.ShardsComputed>();
    }

    [Fact]
    public void What_is_held_of_another_step_is_not_asked_for()
    {
        Order(handIn: true);
        var a = Device("a");
        Assert.IsType<NoWork>(a.Ask(Key(0, step: 9)));
        Assert.IsType<NoWork>(a.Ask(Key(0) with { AdapterHash = BlobHash.Of([1]) }));
    }

    [Fact]
    public void A_held_result_that_was_refused_is_not_asked_for_again()
    {
        Order(shards: 1);
        var (a, b) = (Device("a"), Device("b"));
        a.Fail(a.Lease());
        b.Lease();
        Assert.IsType<NoWork>(a.Ask(Key(0)));
    }

    [Fact]
    public void A_shard_in_work_under_a_former_coordinators_lease_stays_with_its_device()
    {
        Order(shards: 2, handIn: true);
        var (a, b, c) = (Device("a"), Device("b"), Device("c"));
        a.Say(new ShardProgress(new LeaseId("old"), a.Id, Key(1), "sample", 0.5));
        Assert.IsType<NoWork>(b.Ask());
        Advance(4);
        Assert.Equal(0, b.Sent().Shard.Index);
        Assert.IsType<NoWork>(c.Ask());
        var adopted = a.Lease();
        Assert.Equal((new LeaseId("old"), 1), (adopted.Lease, adopted.Shard.Index));
        Assert.True(a.HandIn(adopted).Accepted);
    }

    [Fact]
    public void An_adopted_lease_ends_by_silence_like_any_other()
    {
        Order(shards: 1, handIn: true);
        var (a, b) = (Device("a"), Device("b"));
        a.Say(new ShardProgress(new LeaseId("old"), a.Id, Key(0), "sample", 0.5));
        Assert.IsType<NoWork>(b.Ask());
        Advance(5.5);
        Assert.Equal(0, b.Sent().Shard.Index);
    }

    [Fact]
    public void Progress_of_another_step_adopts_nothing()
    {
        Order(shards: 1);
        var a = Device("a");
        a.Say(new ShardProgress(new LeaseId("old"), a.Id, Key(0, step: 9), "sample", 0.5));
        Assert.Equal(0, Device("b").Lease().Shard.Index);
    }
}
