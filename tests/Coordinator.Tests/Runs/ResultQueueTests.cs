using Akka.Actor;
using AlignProp.Coordinator.Runs;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Tests.Runs;

public class ResultQueueTests
{
    private static readonly BlobHash Hash = new(new string('a', 64));
    private readonly ResultQueue _queue = new();

    [Fact]
    public void Results_are_fetched_in_shard_order_a_few_at_a_time()
    {
        foreach (var shard in Enumerable.Range(0, 20).Reverse())
        {
            _queue.Announce(Result(shard, 1000), ActorRefs.Nobody);
        }
        Assert.Equal(Enumerable.Range(0, ResultQueue.MaxFetching), Start(0));
        Assert.Empty(Start(0));
        _queue.Ended(new LeaseId("lease-3"));
        Assert.Equal([ResultQueue.MaxFetching], Start(0));
    }

    [Fact]
    public void What_waits_for_a_missing_shard_is_bounded_and_the_missing_one_is_fetched_whatever_waits()
    {
        const long size = ResultQueue.MaxBytes / 4;
        foreach (var shard in new[] { 1, 2, 3, 4, 5 })
        {
            _queue.Announce(Result(shard, size), ActorRefs.Nobody);
        }
        Assert.Equal([1, 2, 3, 4], Start(0));
        foreach (var shard in new[] { 1, 2, 3, 4 })
        {
            _queue.Ended(new LeaseId($"lease-{shard}"));
        }
        Assert.Empty(Start(0, 4 * size));
        _queue.Announce(Result(0, size), ActorRefs.Nobody);
        Assert.Equal([0], Start(0, 4 * size));
    }

    [Fact]
    public void A_result_said_again_is_fetched_once_and_one_of_a_lost_device_not_at_all()
    {
        _queue.Announce(Result(0, 1000), ActorRefs.Nobody);
        Assert.Equal([0], Start(0));
        _queue.Announce(Result(0, 1000), ActorRefs.Nobody);
        Assert.Empty(Start(0));
        _queue.Announce(Result(1, 1000), ActorRefs.Nobody);
        Assert.Empty(_queue.Drop(Device(1)));
        Assert.Equal([new LeaseId("lease-0")], _queue.Drop(Device(0)));
        Assert.Empty(Start(0));
    }

    private IEnumerable<int> Start(int next, long waiting = 0) => _queue.Start(next, waiting).Select(s => s.Done.Key.Index);

    private static DeviceId Device(int number) => new(new NodeId("node"), new DeviceName(DeviceKind.Cpu, number));

    private static ShardDone Result(int shard, long bytes) => new(new LeaseId($"lease-{shard}"), Device(shard),
        new ShardKey(new RunId("r"), 1, 0, shard, Hash), [0], 0, new BlobRef(Hash, bytes), default, 0);
}
