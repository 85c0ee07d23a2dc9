using Akka.Actor;
using AlignProp.Clustering;
using AlignProp.GpuNode.Compute;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.GpuNode;

/// <summary>
/// The messages of one device: asks for a shard, has it computed on the device's own thread, asks for the next, and meanwhile
/// hands the result in until it is acknowledged. Answers at once while a shard takes minutes.
/// </summary>
public sealed class DeviceWorkerActor : ReceiveActor, IWithTimers
{
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(1);

    // More results than this on their way: the link is slower than the device, which waits.
    private const int MaxUnacknowledged = 2;

    private readonly ComputeDevice _device;
    private readonly NodeId _node;
    private readonly RunDescription _run;
    private readonly IActorRef _coordinator;
    private readonly IActorRef _adapters;
    private bool _draining;
    private ShardLease? _fetchingFor;
    private readonly Dictionary<LeaseId, IAlignPropMessage> _unacknowledged = [];

    /// <param name="adapters">The node's <see cref="AdapterFetcher"/>.</param>
    public DeviceWorkerActor(ComputeDevice device, NodeId node, RunDescription run, IActorRef coordinator, IActorRef adapters)
    {
        (_device, _node, _run, _coordinator, _adapters) = (device, node, run, coordinator, adapters);
        Receive<ShardLease>(OnLease);
        Receive<NoWork>(_ => { });
        Receive<AdapterFetcher.Adapters>(adapters => _fetchingFor is { } lease && adapters.Need.Is(lease), OnAdapters);
        Receive<Computed>(computed => { _device.Clear(); HandIn(computed.Outcome); });
        Receive<FetchChunk>(OnFetch);
        Receive<ShardAcknowledged>(OnAcknowledged);
        Receive<RunOver>(over => Context.Parent.Forward(over));
        Receive<NodeActor.Drain>(_ => { _draining = true; AskOrStop(); });
        Receive<Beat>(_ => OnBeat());
    }

    public ITimerScheduler Timers { get; set; } = null!;

    private sealed record Beat : INoSerializationVerificationNeeded;

    private sealed record Computed(IAlignPropMessage Outcome) : INoSerializationVerificationNeeded;

    protected override void PreStart()
    {
        Timers.StartPeriodicTimer("beat", new Beat(), Heartbeat);
        if (_device.Running is { } running)
        {
            // Another actor system's life ended in the middle of this shard; the device went on.
            Follow(running);
            return;
        }
        AskOrStop();
    }

    private bool IsFree => _fetchingFor is null && _device.Running is null;

    private void AskOrStop()
    {
        if (!IsFree)
        {
            return;
        }
        if (_draining)
        {
            if (_unacknowledged.Count == 0)
            {
                Context.Stop(Self);
            }
            return;
        }
        if (_unacknowledged.Count > MaxUnacknowledged)
        {
            return;
        }
        _coordinator.Tell(new RequestWork(_device.Id, _node, _device.Shelf.Keys));
    }

    private void OnLease(ShardLease lease)
    {
        // A lease that crosses another is left to run out: the coordinator hands it to someone else.
        if (!IsFree || _draining)
        {
            return;
        }
        if (_device.Shelf.Find(lease.Key) is { } held)
        {
            HandIn(held);
            return;
        }
        _fetchingFor = lease;
        _adapters.Tell(AdapterFetcher.Need.Of(lease));
    }

    private void OnAdapters(AdapterFetcher.Adapters adapters)
    {
        var lease = _fetchingFor!;
        _fetchingFor = null;
        if (adapters.Bytes is { } bytes)
        {
            Follow(_device.Start(lease, _run, bytes));
            return;
        }
        AskOrStop();
    }

    private void Follow(RunningShard running) => running.Outcome.PipeTo(Self, Self, outcome => new Computed(outcome));

    private void HandIn(IAlignPropMessage outcome)
    {
        _unacknowledged[LeaseOf(outcome)] = outcome;
        _coordinator.Tell(outcome);
        AskOrStop();
    }

    private static LeaseId LeaseOf(IAlignPropMessage outcome) => outcome is ShardDone done ? done.Lease
        : ((ShardFailed)outcome).Lease;

    private void OnFetch(FetchChunk fetch) => Sender.Tell(BlobTransfer.Answer(fetch, _device.Shelf.Payload(fetch.Hash)));

    private void OnAcknowledged(ShardAcknowledged acknowledged)
    {
        if (_unacknowledged.Remove(acknowledged.Lease, out var outcome))
        {
            if (!acknowledged.Accepted && outcome is ShardDone refused)
            {
                // Leased here again, the shard is computed again, not handed in again.
                _device.Shelf.Remove(refused.Key);
            }
            AskOrStop();
        }
    }

    /// <summary>Says again what waits for an answer: messages are lost, and coordinators restarted.</summary>
    private void OnBeat()
    {
        foreach (var outcome in _unacknowledged.Values)
        {
            _coordinator.Tell(outcome);
        }
        if (_device.Running is { } running)
        {
            _coordinator.Tell(running.Progress(_device.Id));
        }
        else if (_fetchingFor is { } lease)
        {
            _coordinator.Tell(new ShardProgress(lease.Lease, _device.Id, lease.Key, "fetch", 0));
            _adapters.Tell(AdapterFetcher.Need.Of(lease));
        }
        else
        {
            AskOrStop();
        }
    }
}
