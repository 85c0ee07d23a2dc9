using Akka.Actor;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Runs;

/// <summary>A shard's result with its payload; null when the sender no longer has it or sent other bytes.</summary>
public sealed record ResultReceived(ShardDone Done, IActorRef Worker, byte[]? Payload) : INoSerializationVerificationNeeded;

/// <summary>Fetches the payload of one result from the device that holds it, chunk by chunk, and hands it to its parent.</summary>
public sealed class ResultReceiver : ReceiveActor
{
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(2);
    private const int MaxRetries = 10;

    private readonly ShardDone _done;
    private readonly IActorRef _worker;
    private readonly BlobTransfer _transfer;
    private int _retries;

    public ResultReceiver(ShardDone done, IActorRef worker)
    {
        (_done, _worker) = (done, worker);
        _transfer = new BlobTransfer(done.Payload);
        Receive<BlobChunk>(chunk =>
        {
            if (_transfer.Receive(chunk) is { } next)
            {
                _worker.Tell(next);
            }
            if (_transfer.IsComplete)
            {
                Finish(_transfer.Verified());
            }
        });
        Receive<BlobMissing>(_ => Finish(null));
        Receive<ReceiveTimeout>(_ =>
        {
            if (++_retries > MaxRetries)
            {
                Finish(null);
                return;
            }
            foreach (var request in _transfer.Retry())
            {
                _worker.Tell(request);
            }
        });
    }

    protected override void PreStart()
    {
        SetReceiveTimeout(Silence);
        foreach (var request in _transfer.Start())
        {
            _worker.Tell(request);
        }
    }

    private void Finish(byte[]? payload)
    {
        Context.Parent.Tell(new ResultReceived(_done, _worker, payload));
        Context.Stop(Self);
    }
}
