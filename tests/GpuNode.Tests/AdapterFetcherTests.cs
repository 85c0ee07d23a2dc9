using Akka.Actor;
using Akka.TestKit;
using Akka.TestKit.Xunit2;
using AlignProp.Clustering;
using AlignProp.Messages;

namespace AlignProp.GpuNode.Tests;

/// <summary>The devices of a node share what they fetch.</summary>
public sealed class AdapterFetcherTests : TestKit
{
    private static readonly byte[] Adapter = [.. Enumerable.Range(0, 3 * BlobRef.ChunkBytes + 5).Select(i => (byte)(i * 31))];
    private static readonly BlobRef Blob = BlobRef.Of(Adapter);
    private readonly TestProbe _coordinator;
    private readonly IActorRef _fetcher;

    // No timer fires: what is asked for twice on a slow machine, because an answer is late, is not what these tests count.
    public AdapterFetcherTests() : base("""
        akka.scheduler.implementation = "Akka.TestKit.TestScheduler, Akka.TestKit"
        akka.test { single-expect-default = 60s, default-timeout = 60s }
        """)
    {
        _coordinator = CreateTestProbe();
        _fetcher = Sys.ActorOf(Props.Create(() => new AdapterFetcher(_coordinator.Ref)));
    }

    [Fact]
    public void An_adapter_is_fetched_once_for_all_devices_of_the_node()
    {
        TestProbe[] devices = [CreateTestProbe(), CreateTestProbe(), CreateTestProbe()];
        _fetcher.Tell(new AdapterFetcher.Need(Blob), devices[0]);
        _fetcher.Tell(new AdapterFetcher.Need(Blob), devices[1]);
        var asked = new List<int>();
        while (asked.Count < 4)
        {
            asked.Add(Answer());
        }
        Assert.Equal([0, 1, 2, 3], asked.Order());
        Assert.Equal(Adapter, devices[0].ExpectMsg<AdapterFetcher.Adapters>().Bytes!.Current);
        Assert.Equal(Adapter, devices[1].ExpectMsg<AdapterFetcher.Adapters>().Bytes!.Current);
        // One that comes later is given what is there.
        _fetcher.Tell(new AdapterFetcher.Need(Blob), devices[2]);
        Assert.Equal(Adapter, devices[2].ExpectMsg<AdapterFetcher.Adapters>().Bytes!.Current);
        Assert.False(_coordinator.HasMessages);
    }

    [Fact]
    public void A_device_whose_step_is_over_is_told_when_another_needs_the_next_adapter()
    {
        var (late, early) = (CreateTestProbe(), CreateTestProbe());
        _fetcher.Tell(new AdapterFetcher.Need(Blob with { Hash = new BlobHash(new string('0', 64)) }), late);
        _coordinator.ExpectMsg<FetchChunk>();
        _fetcher.Tell(new AdapterFetcher.Need(Blob), early);
        Assert.Null(late.ExpectMsg<AdapterFetcher.Adapters>().Bytes);
        for (var chunks = 0; chunks < 4;)
        {
            chunks += Answer() >= 0 ? 1 : 0;
        }
        Assert.Equal(Adapter, early.ExpectMsg<AdapterFetcher.Adapters>().Bytes!.Current);
    }

    [Fact]
    public void The_adapter_that_made_the_samples_is_fetched_beside_the_shards_own_and_kept_for_the_next_step()
    {
        byte[] next = [1, 2, 3];
        var device = CreateTestProbe();
        _fetcher.Tell(new AdapterFetcher.Need(BlobRef.Of(next), Blob), device);
        var first = _coordinator.ExpectMsg<FetchChunk>(TimeSpan.FromSeconds(60));
        Assert.Equal(BlobHash.Of(next), first.Hash);
        _coordinator.Reply(BlobTransfer.Answer(first, next));
        for (var chunks = 0; chunks < 4;)
        {
            chunks += Answer() >= 0 ? 1 : 0;
        }
        var given = device.ExpectMsg<AdapterFetcher.Adapters>(TimeSpan.FromSeconds(60)).Bytes!;
        Assert.Equal(next, given.Current);
        Assert.Equal(Adapter, given.Behaviour);

        // The batch's next step has another adapter of its own, and the same samples.
        byte[] after = [4, 5];
        _fetcher.Tell(new AdapterFetcher.Need(BlobRef.Of(after), Blob), device);
        var second = _coordinator.ExpectMsg<FetchChunk>(TimeSpan.FromSeconds(60));
        Assert.Equal(BlobHash.Of(after), second.Hash);
        _coordinator.Reply(BlobTransfer.Answer(second, after));
        given = device.ExpectMsg<AdapterFetcher.Adapters>(TimeSpan.FromSeconds(60)).Bytes!;
        Assert.Equal(after, given.Current);
        Assert.Equal(Adapter, given.Behaviour);
    }

    /// <summary>Gives the next chunk that is asked for; -1 when it is of another adapter.</summary>
    private int Answer()
    {
        var fetch = _coordinator.ExpectMsg<FetchChunk>(TimeSpan.FromSeconds(60));
        if (fetch.Hash != Blob.Hash)
        {
            return -1;
        }
        _coordinator.Reply(BlobTransfer.Answer(fetch, Adapter));
        return fetch.Index;
    }
}
