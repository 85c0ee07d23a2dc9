using Akka.Actor;
using AlignProp.Clustering;
using AlignProp.Messages;

namespace AlignProp.GpuNode;

/// <summary>Fetches each adapter once for all devices of the node, and keeps the newest.</summary>
public sealed class AdapterFetcher : ReceiveActor
{
    private readonly IActorRef _coordinator;
    private readonly List<IActorRef> _waiting = [];
    private (BlobRef Blob, IActorRef Fetcher)? _fetching;
    private Adapter? _newest;

    public AdapterFetcher(IActorRef coordinator)
    {
        _coordinator = coordinator;
        Receive<NeedAdapter>(OnNeed);
        // A fetch that was given up may still end.
        Receive<Adapter>(adapter => adapter.Hash == _fetching?.Blob.Hash, OnFetched);
    }

    /// <summary>Answered by <see cref="Adapter"/>.</summary>
    /// <param name="Place">Where the fetch's span hangs, should it be fetched for this.</param>
    public sealed record NeedAdapter(BlobRef Blob, TraceLink Place = default) : INoSerializationVerificationNeeded;

    /// <param name="Bytes">Null = the coordinator has moved on to another adapter.</param>
    public sealed record Adapter(BlobHash Hash, byte[]? Bytes) : INoSerializationVerificationNeeded;

    private void OnNeed(NeedAdapter need)
    {
        if (_newest?.Hash == need.Blob.Hash)
        {
            Sender.Tell(_newest);
            return;
        }
        if (_fetching?.Blob.Hash != need.Blob.Hash)
        {
            if (_fetching is { } old)
            {
                Context.Stop(old.Fetcher);
                Give(new Adapter(old.Blob.Hash, null));
            }
            var trace = new FetchTrace(need.Place, "adapter");
            var fetch = BlobFetcher.Props(need.Blob, _coordinator, bytes => new Adapter(need.Blob.Hash, bytes), trace);
            _fetching = (need.Blob, Context.ActorOf(fetch));
        }
        _waiting.Add(Sender);
    }

    private void OnFetched(Adapter adapter)
    {
        _newest = adapter.Bytes is null ? null : adapter;
        Give(adapter);
    }

    private void Give(Adapter answer)
    {
        _fetching = null;
        _waiting.ForEach(device => device.Tell(answer));
        _waiting.Clear();
    }
}
