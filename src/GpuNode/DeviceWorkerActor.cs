using Akka.Actor;
using AlignProp.GpuNode.Compute;
using AlignProp.Messages;

namespace AlignProp.GpuNode;

/// <summary>
/// One device: asks for a shard, fetches the adapter if it lacks it, computes on its own thread, hands the result in until
/// it is acknowledged, asks again. Answers at once while a shard takes minutes.
/// </summary>
public sealed class DeviceWorkerActor : ReceiveActor, IWithTimers
{
    private static readonly TimeSpan Repeat = TimeSpan.FromSeconds(2);

    private readonly DeviceId _device;
    private readonly NodeId _node;
    private readonly IShardComputer _computer;
    private readonly IActorRef _coordinator;
    private readonly ComputeThread _thread;
    private readonly CancellationTokenSource _cancellation = new();
    private bool _draining;
    private ShardLease? _lease;
    private BlobTransfer? _adapterTransfer;
    private (BlobHash Hash, byte[] Bytes) _adapter;
    private (ShardDone Done, byte[] Payload)? _result;
    private DateTime _lastProgress;

    public DeviceWorkerActor(DeviceId device, NodeId node, Func<IShardComputer> computer, IActorRef coordinator)
    {
        (_device, _node, _computer, _coordinator) = (device, node, computer(), coordinator);
        _thread = new ComputeThread(device.Value);
        Receive<ShardLease>(OnLease);
        Receive<NoWork>(_ => { });
        Receive<BlobChunk>(OnChunk);
        Receive<BlobMissing>(_ => GiveUp());
        Receive<Progress>(OnProgress);
        Receive<Computed>(OnComputed);
        Receive<ShardFailed>(OnFailed);
        Receive<FetchChunk>(OnFetch);
        Receive<ShardAcknowledged>(OnAcknowledged);
        Receive<RunOver>(over => Context.Parent.Forward(over));
        Receive<NodeActor.Drain>(_ => { _draining = true; AskOrStop(); });
        Receive<Again>(_ => OnAgain());
    }

    public ITimerScheduler Timers { get; set; } = null!;

    private sealed record Again : INoSerializationVerificationNeeded;

    private sealed record Computed(ShardDone Done, byte[] Payload) : INoSerializationVerificationNeeded;

    private sealed record Progress(LeaseId Lease, string Phase, double Fraction) : INoSerializationVerificationNeeded;

    protected override void PreStart()
    {
        AskOrStop();
        Timers.StartPeriodicTimer("again", new Again(), Repeat);
    }

    protected override void PostStop()
    {
        _cancellation.Cancel();
        _thread.Dispose();
        _computer.Dispose();
        _cancellation.Dispose();
    }

    private void AskOrStop()
    {
        if (_lease is not null || _result is not null)
        {
            return;
        }
        if (_draining)
        {
            Context.Stop(Self);
            return;
        }
        _coordinator.Tell(new RequestWork(_device, _node));
    }

    private void OnLease(ShardLease lease)
    {
        // A lease that crosses another is left to run out: the coordinator hands it to someone else.
        if (_lease is not null || _result is not null || _draining)
        {
            return;
        }
        _lease = lease;
        if (_adapter.Hash == lease.Adapter.Hash)
        {
            Compute();
            return;
        }
        _adapterTransfer = new BlobTransfer(lease.Adapter);
        foreach (var request in _adapterTransfer.Start())
        {
            _coordinator.Tell(request);
        }
    }

    private void OnChunk(BlobChunk chunk)
    {
        if (_adapterTransfer is not { } transfer)
        {
            return;
        }
        if (transfer.Receive(chunk) is { } next)
        {
            _coordinator.Tell(next);
        }
        if (!transfer.IsComplete)
        {
            return;
        }
        _adapterTransfer = null;
        if (transfer.Verified() is { } bytes)
        {
            _adapter = (transfer.Blob.Hash, bytes);
            Compute();
        }
        else
        {
            GiveUp();
        }
    }

    private void Compute()
    {
        var (lease, adapter, self, computer, cancellation) = (_lease!, _adapter.Bytes, Self, _computer, _cancellation.Token);
        _thread.Run(() => computer.Compute(lease.Shard, lease.Settings, adapter,
                (phase, fraction) => self.Tell(new Progress(lease.Lease, phase, fraction)), cancellation))
            .PipeTo(Self, Self,
                outcome => Result(lease, outcome),
                error => new ShardFailed(lease.Lease, Describe(error), (error as AggregateException)?.GetBaseException() is ShardConfigurationException || error is ShardConfigurationException));

        static Computed Result(ShardLease of, ShardOutcome outcome) => new(new ShardDone(of.Lease, of.Shard.Run, of.Shard.Step, of.Shard.Index, of.Adapter.Hash,
            outcome.Rewards, outcome.Loss, BlobTransfer.Describe(outcome.Payload), outcome.SamplingSeconds, outcome.ScoringSeconds, outcome.BackwardSeconds, PeakMemory.Bytes()), outcome.Payload);
    }

    private void OnComputed(Computed computed)
    {
        _lease = null;
        _result = (computed.Done, computed.Payload);
        _coordinator.Tell(computed.Done);
    }

    private void OnFailed(ShardFailed failed)
    {
        _lease = null;
        _coordinator.Tell(failed);
        AskOrStop();
    }

    private void OnProgress(Progress progress)
    {
        // Twice a second is enough to keep the lease and the display alive.
        if (DateTime.UtcNow - _lastProgress > TimeSpan.FromMilliseconds(500))
        {
            _lastProgress = DateTime.UtcNow;
            _coordinator.Tell(new ShardProgress(progress.Lease, progress.Phase, progress.Fraction));
        }
    }

    private void OnFetch(FetchChunk fetch)
    {
        var chunk = _result is { } held && held.Done.Payload.Hash == fetch.Hash ? BlobTransfer.ChunkOf(held.Payload, fetch.Hash, fetch.Index) : null;
        Sender.Tell(chunk is null ? new BlobMissing(fetch.Hash) : (object)chunk);
    }

    private void OnAcknowledged(ShardAcknowledged acknowledged)
    {
        if (_result is { } held && held.Done.Lease == acknowledged.Lease)
        {
            _result = null;
            AskOrStop();
        }
    }

    /// <summary>Lost messages, a restarted coordinator: say again what is waiting for an answer.</summary>
    private void OnAgain()
    {
        if (_result is { } held)
        {
            _coordinator.Tell(held.Done);
        }
        else if (_adapterTransfer is { } transfer)
        {
            foreach (var request in transfer.Retry())
            {
                _coordinator.Tell(request);
            }
        }
        else
        {
            AskOrStop();
        }
    }

    /// <summary>The adapter is not to be had (the coordinator has moved on): ask for other work.</summary>
    private void GiveUp()
    {
        if (_adapterTransfer is not null)
        {
            (_adapterTransfer, _lease) = (null, null);
            AskOrStop();
        }
    }

    private static string Describe(Exception error)
    {
        var cause = error.GetBaseException();
        return $"{cause.GetType().Name}: {cause.Message.Split('\n')[0]}";
    }
}
