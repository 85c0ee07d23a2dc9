using AlignProp.Coordinator.Runs;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Tests.Runs.Actors;

/// <summary>Results: taken once, in whatever order, and of the step in work only.</summary>
public sealed class DispatcherResultTests : DispatcherKit
{
    private IEnumerable<ShardTimed> Timed => Record.All<ShardTimed>();

    [Fact]
    public void Work_whose_results_are_all_there_goes_to_the_run_and_devices_wait_for_the_next()
    {
        var work = Order(shards: 2);
        var (a, b) = (Device("a"), Device("b"));
        var (first, second) = (a.Lease(), b.Lease());
        Assert.True(b.HandIn(second).Accepted);
        Assert.True(a.HandIn(first).Accepted);
        Assert.Same(work, Run.ExpectMsg<ShardsComputed>().Work);
        Assert.Equal([1, 2, 1, 2], work.Rewards);
        Assert.IsType<NoWork>(a.Ask());

        Order(step: 2);
        Assert.Equal(2, a.Sent().Shard.Step);
        Assert.Equal([(0, 3.0), (1, 3.0)], Timed.OrderBy(t => t.Shard).Select(t => (t.Shard, t.Seconds.Backward)));
    }

    [Fact]
    public void An_idle_device_repeats_a_slow_shard_and_the_second_result_is_not_taken()
    {
        Order(shards: 3);
        var (slow, fast, third) = (Device("slow"), Device("fast"), Device("third"));
        var late = slow.Lease();
        var quick = fast.Lease();
        third.Lease();
        Advance(1);
        Assert.True(fast.HandIn(quick).Accepted);
        Assert.IsType<NoWork>(fast.Ask());
        Advance(2);
        var repeated = fast.Lease();
        Assert.Equal((0, false), (repeated.Shard.Index, repeated.Lease == late.Lease));
        Assert.True(fast.HandIn(repeated).Accepted);

        slow.Announce(late.Lease, late.Key);
        var answer = Next<ShardAcknowledged>(slow.Worker);
        Assert.Equal((late.Lease, false, "already done, or of another step"), (answer.Lease, answer.Accepted, answer.Reason));
    }

    [Fact]
    public void Of_two_results_of_a_shard_that_are_fetched_at_once_the_first_counts()
    {
        Order(shards: 2);
        var (a, b) = (Device("a"), Device("b"));
        var lease = a.Lease();
        var (first, second) = (a.Announce(lease.Lease, lease.Key), b.Announce(new LeaseId("old"), lease.Key));
        Assert.True(a.Serve(first, a.Gradient(lease.Key)).Accepted);
        var answer = b.Serve(second, b.Gradient(lease.Key));
        Assert.Equal((false, "already done"), (answer.Accepted, answer.Reason));
        Assert.Single(Timed);
    }

    [Fact]
    public void A_duplicate_that_comes_after_the_last_result_is_answered_and_not_taken()
    {
        Order(shards: 1);
        var (a, b) = (Device("a"), Device("b"));
        var lease = a.Lease();
        var (first, second) = (a.Announce(lease.Lease, lease.Key), b.Announce(new LeaseId("old"), lease.Key));
        Assert.True(a.Serve(first, a.Gradient(lease.Key)).Accepted);
        Run.ExpectMsg<ShardsComputed>();
        var answer = b.Serve(second, b.Gradient(lease.Key));
        Assert.Equal((false, "already done"), (answer.Accepted, answer.Reason));
    }

    [Fact]
    public void A_result_that_is_announced_again_and_again_is_fetched_once()
    {
        Order(shards: 2);
        var a = Device("a");
        var lease = a.Lease();
        var done = a.Announce(lease.Lease, lease.Key);
        a.Announce(lease.Lease, lease.Key);
        Assert.True(a.Serve(done, a.Gradient(lease.Key)).Accepted);
        Advance(1);
        Assert.DoesNotContain(a.Worker.ReceiveWhile<object>(m => m, TimeSpan.Zero), m => m is FetchChunk);
    }

    [Fact]
    public void A_result_announced_between_two_steps_stays_with_its_device_and_is_refused_when_the_next_step_does_not_want_it()
    {
        Order(shards: 1);
        var (a, b) = (Device("a"), Device("b"));
        var lease = a.Lease();
        a.HandIn(lease);
        Run.ExpectMsg<ShardsComputed>();
        b.Announce(new LeaseId("late"), lease.Key);
        Assert.False(b.Worker.HasMessages);

        Order(step: 2);
        b.Announce(new LeaseId("late"), lease.Key);
        var answer = Next<ShardAcknowledged>(b.Worker);
        Assert.Equal((false, "already done, or of another step"), (answer.Accepted, answer.Reason));
    }

    [Fact]
    public void A_result_that_is_announced_before_the_first_step_is_taken_when_that_step_wants_it()
    {
        var a = Device("a");
        var key = new ShardKey(Setup.Run, 1, 0, 0, BlobHash.Of(Trained.Bytes));
        var done = a.Announce(new LeaseId("of a former coordinator"), key);
        Assert.False(a.Worker.HasMessages);
        Order(shards: 1, handIn: true);
        a.Say(done);
        Assert.True(a.Serve(done, a.Gradient(key)).Accepted);
        Run.ExpectMsg<ShardsComputed>();
    }

    [Fact]
    public void A_result_whose_bytes_are_not_those_announced_or_no_finite_gradient_of_its_shape_is_refused_and_computed_again()
    {
        Order(shards: 1);
        var (a, other) = (Device("a"), Device("other"));
        var lease = a.Lease();
        Assert.IsType<NoWork>(other.Ask());
        var swapped = a.HandIn(lease, a.Gradient(lease.Key), new byte[a.Gradient(lease.Key).Length]);
        Assert.Equal((false, "the payload did not arrive whole"), (swapped.Accepted, swapped.Reason));

        var weights = Trained.Weights;
        var nan = weights.WithValues(weights.Tensors.Select(t => (t.Name, t.Values.Select(_ => float.NaN).ToArray())));
        var refused = other.HandIn(other.Sent(), nan.Serialize());
        Assert.False(refused.Accepted);
        Assert.Contains("holds a NaN or an infinity", refused.Reason);

        Assert.True(a.HandIn(a.Lease()).Accepted);
        Run.ExpectMsg<ShardsComputed>();
        Assert.Equal(["a/cpu:0", "other/cpu:0"], Record.All<ShardRefused>().Select(r => r.Device.Value));
    }
}
