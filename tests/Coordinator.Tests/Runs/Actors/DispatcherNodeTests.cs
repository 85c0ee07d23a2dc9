using Akka.TestKit;
using AlignProp.Coordinator.Runs;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Tests.Runs.Actors;

/// <summary>Nodes that come, fit or do not, fetch the adapter, and leave.</summary>
public sealed class DispatcherNodeTests : DispatcherKit
{
    private static readonly NodeId Node = new("node");

    private TestProbe Greet(string? version = null)
    {
        var node = CreateTestProbe();
        Tell(new NodeHello(Node, [DeviceId.Parse("node/cpu:0")], version ?? ClusterNames.Version), node);
        return node;
    }

    [Fact]
    public void That_no_device_is_there_is_said_after_a_while_once_and_again_when_the_last_one_has_gone()
    {
        Order();
        Pass(9);
        Assert.Empty(Alone());
        Pass(2);
        Assert.StartsWith("no device: waiting for nodes; ", Assert.Single(Alone()).Text, StringComparison.Ordinal);
        Pass(30);
        Assert.Single(Alone());

        var device = Device("one");
        device.Lease();
        Pass(3);
        Sys.Stop(device.Worker);
        // Told of its end first, then alone for as long.
        AwaitAssert(() =>
        {
            Advance(1);
            Assert.Equal(2, Alone().Count());
        }, TimeSpan.FromSeconds(60));

        void Pass(int seconds)
        {
            for (var i = 0; i < seconds; i++)
            {
                Advance(1);
            }
        }

        IEnumerable<RunNotice> Alone() => Record.All<RunNotice>().Where(n => n.Kind == NoticeKind.NoDevice);
    }

    [Fact]
    public void A_node_that_greets_is_welcomed_every_time_and_joins_once()
    {
        var node = Greet();
        Tell(new NodeHello(Node, [DeviceId.Parse("node/cpu:0")], ClusterNames.Version), node);
        Assert.Equal(Setup.Run, node.ExpectMsg<NodeWelcome>().Run);
        Assert.Equal(Setup.Description, node.ExpectMsg<NodeWelcome>().Description);
        Assert.Equal("node/cpu:0", Assert.Single(Record.All<NodeChanged>(), e => e.State == NodeState.Joined).Detail);
        // Another process of that name.
        Greet().ExpectMsg<NodeWelcome>();
        Assert.Equal(2, Record.All<NodeChanged>().Count(e => e.State == NodeState.Joined));
    }

    [Fact]
    public void A_node_of_another_version_is_refused_by_name()
    {
        var reason = Greet(version: "0.0.1").ExpectMsg<NodeRefused>().Reason;
        Assert.Equal($"node node runs version 0.0.1, the coordinator {ClusterNames.Version}", reason);
        Assert.Equal((NodeState.Refused, reason), Record.All<NodeChanged>().Select(e => (e.State, e.Detail)).Single());
        Assert.Equal("nobody: no such node; nodes: ", Settle().Detail);
    }

    [Fact]
    public void A_node_that_finds_itself_unfit_is_reported_and_takes_no_part()
    {
        var node = Greet();
        Tell(new NodeUnfit(Node, "its model is another"), node);
        var refused = Record.All<NodeChanged>().Last();
        Assert.Equal((NodeState.Refused, "its model is another"), (refused.State, refused.Detail));
        Assert.Equal("nobody: no such node; nodes: ", Settle().Detail);
    }

    [Fact]
    public async Task A_drained_node_is_told_finishes_its_shard_and_has_left_not_been_lost()
    {
        Order(shards: 2);
        var (node, console, device) = (Greet(), CreateTestProbe(), Device("node"));
        var lease = device.Lease();
        Tell(new DrainNode(Node), console);
        Assert.Equal(new DrainReply(true, "node finishes its shard and leaves"), console.ExpectMsg<DrainReply>());
        Assert.Equal(Node, Next<DrainNode>(node).Node);
        Tell(new NodeLeaving(Node), node);
        Assert.True(device.HandIn(lease).Accepted);
        Sys.Stop(device.Worker.Ref);
        await Record.Until(e => e is DeviceChanged { State: NodeState.Left, Detail: "drained" });
        Tell(new DrainNode(Node), console);
        Assert.Equal(new DrainReply(false, "node: no such node; nodes: "), console.ExpectMsg<DrainReply>());
        Assert.Equal([NodeState.Joined, NodeState.Leaving, NodeState.Left], States());
    }

    [Fact]
    public async Task A_drained_node_has_left_even_when_its_devices_end_comes_before_its_own_word()
    {
        var (node, device) = (Greet(), Device("node"));
        device.Ask();
        Tell(new DrainNode(Node), CreateTestProbe());
        Sys.Stop(device.Worker.Ref);
        await Record.Until(e => e is DeviceChanged { State: NodeState.Left });
        Tell(new NodeLeaving(Node), node);
        Assert.Equal([NodeState.Joined, NodeState.Leaving, NodeState.Left], States());
    }

    [Fact]
    public void A_node_that_is_not_known_cannot_be_drained_and_those_that_are_known_are_named()
    {
        Greet();
        Assert.Equal(new DrainReply(false, "nobody: no such node; nodes: node"), Settle());
    }

    [Fact]
    public void The_adapter_of_the_step_in_work_is_sent_by_its_hash_and_no_other()
    {
        var (fetcher, hash) = (CreateTestProbe(), BlobHash.Of(Trained.Bytes));
        Tell(new FetchChunk(hash, 0), fetcher);
        Assert.Equal(hash, fetcher.ExpectMsg<BlobMissing>().Hash);

        Order();
        Tell(new FetchChunk(hash, 0), fetcher);
        Assert.Equal(Trained.Bytes, fetcher.ExpectMsg<BlobChunk>().Data.ToArray());
        Assert.Equal(Trained.Bytes.Length, Assert.Single(Record.All<ChunkSent>()).Bytes);
        var other = BlobHash.Of([1]);
        Tell(new FetchChunk(other, 0), fetcher);
        Assert.Equal(other, fetcher.ExpectMsg<BlobMissing>().Hash);
        Tell(new FetchChunk(hash, 1), fetcher);
        Assert.Equal(hash, fetcher.ExpectMsg<BlobMissing>().Hash);
    }

    /// <summary>What was said of the node and its devices, in order.</summary>
    private IEnumerable<NodeState> States() => Record.All<RunProgress>()
        .Select(e => e is NodeChanged node ? node.State : (e as DeviceChanged)?.State).OfType<NodeState>();
}
