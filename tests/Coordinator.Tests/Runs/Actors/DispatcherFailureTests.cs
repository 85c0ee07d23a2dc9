using AlignProp.Coordinator.Runs;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Tests.Runs.Actors;

/// <summary>Devices that fail are benched; a shard that fails everywhere stops the run.</summary>
public sealed class DispatcherFailureTests : DispatcherKit
{
    [Fact]
    public void Three_failures_in_a_row_bench_a_device_and_a_new_worker_of_it_is_trusted_again()
    {
        Order();
        var (bad, good) = (Device("bad"), Device("good"));
        good.Lease();
        for (var i = 0; i < 3; i++)
        {
            bad.Fail(bad.Lease());
        }
        Assert.Equal("benched after repeated failures", Assert.IsType<NoWork>(bad.Ask()).Reason);
        var benched = Assert.Single(Record.All<DeviceChanged>(), e => e.State == NodeState.Benched);
        Assert.Equal((bad.Id, "out of memory"), (benched.Device, benched.Detail));
        bad.Restart();
        bad.Lease();
    }

    [Fact]
    public void A_result_between_failures_makes_them_count_anew()
    {
        Order();
        var (a, other) = (Device("a"), Device("other"));
        other.Lease();
        a.Fail(a.Lease());
        a.Fail(a.Lease());
        a.HandIn(a.Lease());
        a.Fail(a.Lease());
        a.Fail(a.Lease());
        a.Lease();
        Assert.DoesNotContain(Record.All<DeviceChanged>(), e => e.State == NodeState.Benched);
    }

    [Fact]
    public void A_failure_that_is_said_again_is_acknowledged_again_and_counts_once()
    {
        Order();
        var (a, other) = (Device("a"), Device("other"));
        other.Lease();
        for (var i = 0; i < 2; i++)
        {
            var lease = a.Lease();
            a.Fail(lease);
            a.Fail(lease);
            Assert.Equal("noted", Next<ShardAcknowledged>(a.Worker).Reason);
            Assert.Equal("noted", Next<ShardAcknowledged>(a.Worker).Reason);
        }
        a.Lease();
        Assert.Equal(2, Record.All<ShardRefused>().Count());
    }

    [Fact]
    public void A_failed_shard_goes_to_the_device_that_waits()
    {
        Order(shards: 1);
        var (a, b) = (Device("a"), Device("b"));
        var lease = a.Lease();
        Assert.IsType<NoWork>(b.Ask());
        a.Fail(lease);
        Assert.Equal(0, b.Sent().Shard.Index);
    }

    [Fact]
    public void A_shard_that_fails_on_three_devices_that_have_done_others_stops_the_run()
    {
        Order();
        List<FakeDevice> devices = [Device("a"), Device("b"), Device("c"), Device("d")];
        devices.ForEach(d => d.Ask());
        foreach (var device in devices.Take(3))
        {
            Assert.True(device.HandIn(device.Lease()).Accepted);
        }
        devices[3].Fail(devices[3].Lease());
        foreach (var device in devices.Take(3))
        {
            device.Fail(device.Lease());
        }
        var failed = Run.ExpectMsg<ShardsFailed>();
        Assert.Equal("shard 3 of step 1 failed on 4 device(s), last on c/cpu:0: out of memory", failed.Error);
        Assert.IsType<NoWork>(devices[3].Ask());
    }

    [Fact]
    public void Three_devices_that_have_never_done_a_shard_say_nothing_about_one()
    {
        Order(shards: 1);
        var last = Device("last");
        foreach (var device in new[] { Device("a"), Device("b"), Device("c") })
        {
            device.Fail(device.Lease());
        }
        Assert.True(last.HandIn(last.Lease()).Accepted);
        Run.ExpectMsg<ShardsComputed>();
    }

    [Fact]
    public void A_run_whose_devices_are_all_benched_stops()
    {
        Order();
        var a = Device("a");
        for (var i = 0; i < 3; i++)
        {
            a.Fail(a.Lease());
        }
        Assert.Contains("last on a/cpu:0: out of memory", Run.ExpectMsg<ShardsFailed>().Error);
    }

    [Fact]
    public void A_run_goes_on_while_a_device_that_is_announced_has_not_asked_yet()
    {
        Order();
        var (a, node) = (Device("a"), CreateTestProbe());
        Tell(new NodeHello(new NodeId("slow"), [DeviceId.Parse("slow/cpu:0")], ClusterNames.Version), node);
        for (var i = 0; i < 3; i++)
        {
            a.Fail(a.Lease());
        }
        Device("slow").Lease();
    }
}
