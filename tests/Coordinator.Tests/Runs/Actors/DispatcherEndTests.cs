using AlignProp.Coordinator.Runs;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Tests.Runs.Actors;

/// <summary>A run that is over, and one that stopped where another coordinator may go on.</summary>
public sealed class DispatcherEndTests : DispatcherKit
{
    [Fact]
    public void When_the_run_is_over_every_worker_is_told_and_whoever_asks_later_too()
    {
        var (a, b) = (Device("a"), Device("b"));
        a.Ask();
        Tell(new FinishRun(new RunOver("all steps done")), Run);
        Assert.Equal("all steps done", Next<RunOver>(a.Worker).Reason);
        Assert.Equal("all steps done", Assert.IsType<RunOver>(b.Ask()).Reason);
    }

    [Fact]
    public void When_the_run_is_over_results_are_refused_and_nobody_who_leaves_is_lost()
    {
        var (a, node) = (Device("a"), CreateTestProbe());
        Tell(new NodeHello(new NodeId("a"), [a.Id], ClusterNames.Version), node);
        a.Ask();
        Tell(new FinishRun(new RunOver("all steps done")), Run);
        a.Announce(new LeaseId("late"), new ShardKey(Setup.Run, 1, 0, 0, BlobHash.Of(Trained.Bytes)));
        Assert.False(Next<ShardAcknowledged>(a.Worker).Accepted);
        Sys.Stop(a.Worker.Ref);
        Sys.Stop(node.Ref);
        AwaitAssert(() => Assert.Equal("nobody: no such node; nodes: ", Settle().Detail));
        Assert.Equal([NodeState.Joined], Record.All<NodeChanged>().Select(e => e.State));
    }

    [Fact]
    public void A_run_that_ends_in_the_middle_of_a_step_leases_nothing_more()
    {
        Order(shards: 1);
        var (a, b) = (Device("a"), Device("b"));
        a.Lease();
        Tell(new FinishRun(new RunOver("stopped")), Run);
        Advance(10);
        Assert.IsType<RunOver>(b.Ask());
        Assert.DoesNotContain(Record.All<NodeChanged>(), e => e.State == NodeState.Silent);
    }

    [Fact]
    public void When_the_run_is_dismissed_devices_stay_and_are_not_told_to_exit()
    {
        Order();
        var a = Device("a");
        var lease = a.Lease();
        Tell(new Dismiss(), Run);
        a.Announce(lease.Lease, lease.Key);
        Assert.False(Next<ShardAcknowledged>(a.Worker).Accepted);
        Assert.Equal("no shard is free", Assert.IsType<NoWork>(a.Ask()).Reason);
        Assert.False(Run.HasMessages);
    }
}
