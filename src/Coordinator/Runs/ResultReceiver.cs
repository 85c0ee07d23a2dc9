using Akka.Actor;
using AlignProp.Adapters;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Runs;

/// <summary>A shard's result with its payload read, or why there is none.</summary>
/// <param name="Payload"><see cref="LoraWeights"/>, or <see cref="EvaluationPayload"/> of an evaluation.</param>
public sealed record ResultReceived(ShardDone Done, IActorRef Worker, object? Payload, string Error = "") : INoSerializationVerificationNeeded;

/// <summary>The payload is on its way, said once a second: over a slow link the device's own reports wait behind the chunks.</summary>
public sealed record ResultArriving(int Shard, DeviceId Device) : INoSerializationVerificationNeeded;

/// <summary>
/// Fetches the payload of one result from the device that holds it, chunk by chunk, checks and reads it, and hands it to its parent,
/// who answers others meanwhile.
/// </summary>
public sealed class ResultReceiver : ReceiveActor
{
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(2);
    private const int MaxRetries = 10;

    private readonly ShardDone _done;
    private readonly IActorRef _worker;
    private readonly BlobTransfer _transfer;
    private readonly Func<byte[], object> _read;
    private int _retries;
    private long _said;

    /// <param name="read">What the payload is, made of its bytes.</param>
    public ResultReceiver(ShardDone done, IActorRef worker, Func<byte[], object> read)
    {
        _read = read;
        (_done, _worker) = (done, worker);
        _transfer = new BlobTransfer(done.Payload);
        Receive<BlobChunk>(chunk =>
        {
            if (Environment.TickCount64 - _said > 1000)
            {
                _said = Environment.TickCount64;
                Context.Parent.Tell(new ResultArriving(_done.Key.Index, _done.Device));
            }
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
        Context.Parent.Tell(payload is null ? new ResultReceived(_done, _worker, null, "the payload did not arrive whole") : Read(payload));
        Context.Stop(Self);
    }

    private ResultReceived Read(byte[] payload)
    {
        try
        {
            return new ResultReceived(_done, _worker, _read(payload));
        }
        catch (Exception e) when (e is WeightFileException or LoraFormatException or LoraShapeException or ArgumentException)
        {
            return new ResultReceived(_done, _worker, null, e.Message);
        }
    }
}
