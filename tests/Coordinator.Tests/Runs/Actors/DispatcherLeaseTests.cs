using Akka.Actor;
using Akka.Remote;
using AlignProp.Coordinator.Runs;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Tests.Runs.Actors;

/// <summary>Who gets which shard, and who loses it.</summary>
public sealed class DispatcherLeaseTests : DispatcherKit
{
    [Fact]
    public void A_lease_says_which_span_its_shard_hangs_below()
    {
        Order();
        Assert.Equal(Trace, Device("a").Lease().Trace);
    }

    [Fact]
    public void A_device_that_asks_before_there_is_work_waits_and_is_sent_a_lease_when_there_is()
    {
        var a = Device("a");
        Assert.Equal("no shard is free", Assert.IsType<NoWork>(a.Ask()).Reason);
        Order();
        var lease = a.Sent();
        Assert.Equal((1, 0, Trained.Bytes.Length), (lease.Shard.Step, lease.Shard.Index, (int)lease.Adapter.Bytes));
    }

    [Fact]
    public void Every_device_gets_a_shard_of_its_own_and_the_same_lease_when_it_asks_again()
    {
        Order(shards: 2);
        var (a, b) = (Device("a"), Device("b"));
        var (first, second) = (a.Lease(), b.Lease());
        Assert.Equal((0, 1), (first.Shard.Index, second.Shard.Index));
        Assert.Equal((first.Lease, second.Lease), (a.Lease().Lease, b.Lease().Lease));
        Assert.IsType<NoWork>(Device("c").Ask());
    }

    [Fact]
    public void Progress_keeps_a_lease_alive()
    {
        Order(shards: 1);
        var (a, b) = (Device("a"), Device("b"));
        var lease = a.Lease();
        for (var i = 1; i <= 5; i++)
        {
            Advance(4);
            a.Progress(lease, i / 10.0);
        }
        Assert.IsType<NoWork>(b.Ask());
        Assert.Equal(lease.Lease, a.Lease().Lease);
        Assert.DoesNotContain(Record.All<NodeChanged>(), e => e.State == NodeState.Silent);
    }

    [Fact]
    public void A_silent_devices_shard_goes_to_the_one_that_waits()
    {
        Order(shards: 1);
        var (a, b) = (Device("a"), Device("b"));
        a.Lease();
        Assert.IsType<NoWork>(b.Ask());
        Advance(5.5);
        Assert.Equal(0, b.Sent().Shard.Index);
        var silent = Assert.Single(Record.All<DeviceChanged>(), e => e.State == NodeState.Silent);
        Assert.Equal((a.Id, "shard 0 is leased again"), (silent.Device, silent.Detail));
    }

    [Fact]
    public void A_shard_that_stands_still_goes_to_another_device_though_its_own_reports()
    {
        Order(shards: 1);
        var (a, b) = (Device("a"), Device("b"));
        var lease = a.Lease();
        a.Progress(lease, 0.5);
        Assert.IsType<NoWork>(b.Ask());
        for (var i = 0; i < 15; i++)
        {
            Advance(4);
            a.Progress(lease, 0.5);
        }
        Assert.IsType<NoWork>(b.Ask());
        Advance(1);
        Assert.Equal(0, b.Sent().Shard.Index);
    }

    [Fact]
    public async Task A_worker_that_dies_loses_its_shard_at_once()
    {
        Order(shards: 1);
        var (a, b) = (Device("a"), Device("b"));
        a.Lease();
        Assert.IsType<NoWork>(b.Ask());
        Sys.Stop(a.Worker.Ref);
        await Record.Until(e => e is DeviceChanged { State: NodeState.Lost } lost && lost.Device == a.Id);
        Assert.Equal(0, b.Sent().Shard.Index);
    }

    [Fact]
    public async Task A_device_that_dies_while_its_result_is_fetched_loses_its_shard()
    {
        Order(shards: 1);
        var (a, b) = (Device("a"), Device("b"));
        var lease = a.Lease();
        a.Announce(lease.Lease, lease.Key);
        Next<FetchChunk>(a.Worker);
        Assert.IsType<NoWork>(b.Ask());
        Sys.Stop(a.Worker.Ref);
        await Record.Until(e => e is DeviceChanged { State: NodeState.Lost });
        Assert.True(b.HandIn(b.Sent()).Accepted);
        Run.ExpectMsg<ShardsComputed>();
    }

    [Fact]
    public void A_broken_connection_frees_the_shards_behind_it_and_a_device_that_asks_again_gets_one_anew()
    {
        Order(shards: 1);
        var a = Device("a");
        var lease = a.Lease();
        Sys.EventStream.Publish(new DisassociatedEvent(Address.Parse("akka://here"), a.Worker.Ref.Path.Address, false));
        Settle();
        Assert.Equal(a.Id, Assert.Single(Record.All<DeviceChanged>(), e => e.State == NodeState.CutOff).Device);
        var again = a.Lease();
        Assert.Equal(0, again.Shard.Index);
        Assert.NotEqual(lease.Lease, again.Lease);
    }
}
