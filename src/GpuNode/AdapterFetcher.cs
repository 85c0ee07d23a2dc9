using Akka.Actor;
using AlignProp.Clustering;
using AlignProp.GpuNode.Compute;
using AlignProp.Messages;

namespace AlignProp.GpuNode;

/// <summary>
/// Fetches what a round of shards is computed with once for all devices of the node, and keeps it: the newest adapter and,
/// where shards are on own samples, the one that made them.
/// </summary>
public sealed class AdapterFetcher : ReceiveActor
{
    private readonly IActorRef _coordinator;
    private readonly List<IActorRef> _waiting = [];
    private readonly Dictionary<BlobHash, byte[]> _held = [];
    private Need? _fetching;
    private (BlobHash Hash, IActorRef Fetcher)? _current;

    public AdapterFetcher(IActorRef coordinator)
    {
        _coordinator = coordinator;
        Receive<Need>(OnNeed);
        // A fetch that was given up may still end.
        Receive<Fetched>(fetched => fetched.Hash == _current?.Hash, OnFetched);
    }

    /// <summary>Answered by <see cref="Adapters"/>.</summary>
    /// <param name="Behaviour">Null = the same.</param>
    /// <param name="Place">Where the fetch's span hangs, should it be fetched for this.</param>
    public sealed record Need(BlobRef Adapter, BlobRef? Behaviour = null, TraceLink Place = default)
        : INoSerializationVerificationNeeded
    {
        public IReadOnlyList<BlobRef> Blobs => Behaviour is { } other && other != Adapter ? [Adapter, other] : [Adapter];

        public static Need Of(ShardLease lease) => new(lease.Adapter, lease.Behaviour, TraceLink.Of(lease));

        /// <summary>Whether the lease asks for the same.</summary>
        public bool Is(ShardLease lease) => Is(Of(lease));

        /// <summary>Whether the other asks for the same.</summary>
        public bool Is(Need other) => other.Adapter.Hash == Adapter.Hash && other.Behaviour?.Hash == Behaviour?.Hash;
    }

    /// <param name="Bytes">Null = the coordinator has moved on to another adapter.</param>
    public sealed record Adapters(Need Need, ShardAdapters? Bytes) : INoSerializationVerificationNeeded;

    private sealed record Fetched(BlobHash Hash, byte[]? Bytes) : INoSerializationVerificationNeeded;

    private void OnNeed(Need need)
    {
        if (Whole(need) is { } whole)
        {
            Sender.Tell(whole);
            return;
        }
        if (_fetching is null || !_fetching.Is(need))
        {
            if (_fetching is { } old)
            {
                Context.Stop(_current!.Value.Fetcher);
                Give(new Adapters(old, null));
            }
            _fetching = need;
            foreach (var stale in _held.Keys.Except(need.Blobs.Select(b => b.Hash)).ToList())
            {
                _held.Remove(stale);
            }
            FetchNext(need);
        }
        _waiting.Add(Sender);
    }

    /// <summary>One after the other: devices wait for both.</summary>
    private void FetchNext(Need need)
    {
        var blob = need.Blobs.First(b => !_held.ContainsKey(b.Hash));
        var trace = new FetchTrace(need.Place, "adapter");
        var fetch = BlobFetcher.Props(blob, _coordinator, bytes => new Fetched(blob.Hash, bytes), trace);
        _current = (blob.Hash, Context.ActorOf(fetch));
    }

    private void OnFetched(Fetched fetched)
    {
        var need = _fetching!;
        if (fetched.Bytes is not { } bytes)
        {
            Give(new Adapters(need, null));
            return;
        }
        _held[fetched.Hash] = bytes;
        if (Whole(need) is { } whole)
        {
            Give(whole);
        }
        else
        {
            FetchNext(need);
        }
    }

    private Adapters? Whole(Need need) => _held.TryGetValue(need.Adapter.Hash, out var current)
        && _held.TryGetValue((need.Behaviour ?? need.Adapter).Hash, out var behaviour)
        ? new Adapters(need, new ShardAdapters(current, behaviour)) : null;

    private void Give(Adapters answer)
    {
        (_fetching, _current) = (null, null);
        _waiting.ForEach(device => device.Tell(answer));
        _waiting.Clear();
    }
}
