using Akka.Actor;
using AlignProp.Messages;

namespace AlignProp.GpuNode;

/// <summary>Fetches each adapter once for all devices of the node, chunk by chunk, and keeps the newest.</summary>
public sealed class AdapterFetcher : ReceiveActor, IWithTimers
{
    private static readonly TimeSpan Repeat = TimeSpan.FromSeconds(2);

    private readonly IActorRef _coordinator;
    private readonly List<IActorRef> _waiting = [];
    private BlobTransfer? _transfer;
    private AdapterReady? _adapter;

    public AdapterFetcher(IActorRef coordinator)
    {
        _coordinator = coordinator;
        Receive<NeedAdapter>(OnNeed);
        Receive<BlobChunk>(OnChunk);
        Receive<BlobMissing>(missing =>
        {
            if (missing.Hash == _transfer?.Blob.Hash)
            {
                Give(new AdapterGone(missing.Hash));
            }
        });
        Receive<Again>(_ => Ask(_transfer?.Retry() ?? []));
    }

    public ITimerScheduler Timers { get; set; } = null!;

    /// <summary>Answered by <see cref="AdapterReady"/> or <see cref="AdapterGone"/>.</summary>
    public sealed record NeedAdapter(BlobRef Blob) : INoSerializationVerificationNeeded;

    public sealed record AdapterReady(BlobHash Hash, byte[] Bytes) : INoSerializationVerificationNeeded;

    /// <summary>The coordinator has moved on to another adapter.</summary>
    public sealed record AdapterGone(BlobHash Hash) : INoSerializationVerificationNeeded;

    private sealed record Again : INoSerializationVerificationNeeded;

    protected override void PreStart() => Timers.StartPeriodicTimer("again", new Again(), Repeat);

    private void OnNeed(NeedAdapter need)
    {
        if (_adapter?.Hash == need.Blob.Hash)
        {
            Sender.Tell(_adapter);
            return;
        }
        if (_transfer?.Blob.Hash != need.Blob.Hash)
        {
            if (_transfer is { } old)
            {
                Give(new AdapterGone(old.Blob.Hash));
            }
            _transfer = new BlobTransfer(need.Blob);
            Ask(_transfer.Start());
        }
        _waiting.Add(Sender);
    }

    private void OnChunk(BlobChunk chunk)
    {
        if (_transfer is not { } transfer)
        {
            return;
        }
        if (transfer.Receive(chunk) is { } next)
        {
            _coordinator.Tell(next);
        }
        if (transfer.IsComplete)
        {
            _adapter = transfer.Verified() is { } bytes ? new AdapterReady(transfer.Blob.Hash, bytes) : null;
            Give(_adapter ?? (object)new AdapterGone(transfer.Blob.Hash));
        }
    }

    private void Give(object answer)
    {
        _transfer = null;
        _waiting.ForEach(device => device.Tell(answer));
        _waiting.Clear();
    }

    private void Ask(IEnumerable<FetchChunk> requests)
    {
        foreach (var request in requests)
        {
            _coordinator.Tell(request);
        }
    }
}
