using Akka.Actor;
using Akka.TestKit;
using Akka.TestKit.Xunit2;
using AlignProp.Messages;

namespace AlignProp.Clustering.Tests.Blobs;

/// <summary>One blob from one holder: in time, late, lost, or another one than was announced.</summary>
public sealed class BlobFetcherTests : TestKit
{
    private static readonly byte[] Bytes = [.. Enumerable.Range(0, 20 * BlobRef.ChunkBytes + 5).Select(i => (byte)(i * 31))];
    private static readonly BlobRef Blob = BlobRef.Of(Bytes);
    private readonly TestProbe _holder;
    private readonly TestProbe _parent;

    // Time passes only when a test says so.
    public BlobFetcherTests() : base("""
        akka.scheduler.implementation = "Akka.TestKit.TestScheduler, Akka.TestKit"
        akka.test { single-expect-default = 60s, default-timeout = 60s }
        """) =>
        (_holder, _parent) = (CreateTestProbe(), CreateTestProbe());

    [Fact]
    public void A_blob_is_fetched_a_window_ahead_and_its_arrival_is_said_once_a_second()
    {
        var fetcher = Start();
        for (var chunk = 0; chunk < Blob.Chunks; chunk++)
        {
            if (chunk == Blob.Chunks - 1)
            {
                Time.Advance(TimeSpan.FromSeconds(1));
            }
            Serve(Bytes);
        }
        _parent.ExpectMsg("arriving");
        _parent.ExpectMsg("arriving");
        Assert.Equal(Bytes, _parent.ExpectMsg<Answer>().Bytes);
        _parent.ExpectTerminated(fetcher);
        Assert.False(_holder.HasMessages);
    }

    [Fact]
    public void After_silence_what_is_missing_is_asked_for_again_until_the_retries_are_used_up()
    {
        Start(retries: 2);
        Serve(Bytes);
        var asked = Requests(BlobTransfer.Window);
        for (var retry = 0; retry < 2; retry++)
        {
            Time.Advance(TimeSpan.FromSeconds(2));
            Assert.Equal(asked.Order(), Requests(BlobTransfer.Window).Order());
        }
        Time.Advance(TimeSpan.FromSeconds(2));
        _parent.ExpectMsg("arriving");
        Assert.Null(_parent.ExpectMsg<Answer>().Bytes);
    }

    [Fact]
    public void What_the_holder_has_no_longer_is_not_waited_for()
    {
        Start();
        Serve(null);
        Assert.Null(_parent.ExpectMsg<Answer>().Bytes);
    }

    [Fact]
    public void Other_bytes_than_were_announced_are_not_handed_on()
    {
        var lie = Bytes.ToArray();
        lie[^1]++;
        Start();
        for (var chunk = 0; chunk < Blob.Chunks; chunk++)
        {
            Serve(lie);
        }
        _parent.ExpectMsg("arriving");
        Assert.Null(_parent.ExpectMsg<Answer>().Bytes);
    }

    private TestScheduler Time => (TestScheduler)Sys.Scheduler;

    private IActorRef Start(int retries = int.MaxValue)
    {
        var trace = new FetchTrace(new TraceLink("", new RunId("run"), 1), "result");
        var fetcher = _parent.ChildActorOf(
            BlobFetcher.Props(Blob, _holder.Ref, bytes => new Answer(bytes), trace, "arriving", retries));
        _parent.Watch(fetcher);
        return fetcher;
    }

    /// <summary>Answers the next request.</summary>
    private void Serve(byte[]? held) => _holder.Reply(BlobTransfer.Answer(_holder.ExpectMsg<FetchChunk>(), held));

    private List<int> Requests(int count) => [.. Enumerable.Range(0, count).Select(_ => _holder.ExpectMsg<FetchChunk>().Index)];

    private sealed record Answer(byte[]? Bytes);
}
