using Akka.Actor;
using Akka.Event;
using Akka.Remote;
using AlignProp.Clustering;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Runs;

/// <summary>To the dispatcher: have these shards computed; answered by <see cref="ShardsComputed"/> or <see cref="ShardsFailed"/>.</summary>
/// <param name="Adapter">The adapter's bytes, for the nodes to fetch.</param>
/// <param name="HandIn">The run was interrupted: devices may hold results of this work, and say so first.</param>
internal sealed record ComputeShards(StepWork Work, byte[] Adapter, bool HandIn) : INoSerializationVerificationNeeded;

/// <summary>All results are in the work.</summary>
internal sealed record ShardsComputed(StepWork Work) : INoSerializationVerificationNeeded;

/// <summary>A shard fails everywhere, or no device is left that is not benched.</summary>
internal sealed record ShardsFailed(string Error) : INoSerializationVerificationNeeded;

/// <summary>To the dispatcher: no more work. With <see cref="RunOver"/> the nodes are told to exit.</summary>
internal sealed record Dismiss(RunOver? Over) : INoSerializationVerificationNeeded;

/// <summary>
/// Everything between the run and its devices: who they are, which shard each computes, whose result is fetched next. Knows nothing
/// of the journal: it is given one step's work after the other.
/// </summary>
internal sealed class ShardDispatcher : ReceiveActor, IWithTimers
{
    private const int DevicesBeforeGivingUp = 3;

    private readonly RunSetup _setup;
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly DeviceRoster _devices = new();
    private readonly ResultFetcher _results = new(Context);
    private StepWork? _work;
    private BlobRef? _blob;
    private byte[] _adapter = [];
    private Dismiss? _dismissed;
    private bool _handIn;
    private DateTimeOffset? _firstSeen;

    public ShardDispatcher(RunSetup setup)
    {
        _setup = setup;
        Receive<ComputeShards>(OnCompute);
        Receive<Dismiss>(OnDismiss);
        Receive<NodeHello>(OnHello);
        Receive<NodeUnfit>(OnUnfit);
        Receive<NodeLeaving>(OnLeaving);
        Receive<DrainNode>(OnDrain);
        Receive<RequestWork>(OnRequestWork);
        Receive<ShardProgress>(OnProgress);
        Receive<ShardDone>(OnDone);
        Receive<ShardFailed>(OnFailed);
        Receive<FetchChunk>(OnFetch);
        Receive<ResultArriving>(arriving => _work?.Leases.Computed(arriving.Shard, arriving.Device, DateTimeOffset.UtcNow));
        Receive<ResultReceived>(OnResult);
        Receive<Terminated>(terminated => Released(_devices.Gone(terminated.ActorRef), DeviceState.Lost));
        Receive<DisassociatedEvent>(broken => Released(_devices.CutOff(broken.RemoteAddress), DeviceState.CutOff));
        Receive<Tick>(_ => OnTick());
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart()
    {
        // A killed process closes its connections at once, long before membership gives it up.
        Context.System.EventStream.Subscribe(Self, typeof(DisassociatedEvent));
        Timers.StartPeriodicTimer("tick", Tick.Instance, TimeSpan.FromMilliseconds(500));
    }

    protected override void PostStop() => Context.System.EventStream.Unsubscribe(Self);

    private void OnCompute(ComputeShards compute)
    {
        _results.Clear();
        (_work, _blob, _adapter, _handIn, _dismissed) = (compute.Work, compute.Work.Blob, compute.Adapter, compute.HandIn, null);
        OfferAll();
        ReportShards();
    }

    private void OnDismiss(Dismiss dismiss)
    {
        (_work, _dismissed) = (null, dismiss);
        if (dismiss.Over is { } over)
        {
            foreach (var worker in _devices.Workers)
            {
                worker.Tell(over);
            }
        }
    }

    private void OnHello(NodeHello hello)
    {
        if (hello.Version != _setup.Version)
        {
            var reason = $"node {hello.Node} runs version {hello.Version}, the coordinator {_setup.Version}";
            Sender.Tell(new NodeRefused(reason));
            _setup.Progress.Report(new NodeChanged(hello.Node, DeviceState.Refused, reason));
            return;
        }
        // Said again and again until the node works: a message may be lost.
        Sender.Tell(new NodeWelcome(_setup.Run, _setup.Settings));
        if (_devices.Joined(hello.Node, Sender, hello.Devices))
        {
            Context.Watch(Sender);
            _setup.Progress.Report(new NodeChanged(hello.Node, DeviceState.Joined, string.Join(", ", hello.Devices), hello.Devices));
        }
    }

    private void OnUnfit(NodeUnfit unfit)
    {
        _devices.Unfit(unfit.Node);
        _setup.Progress.Report(new NodeChanged(unfit.Node, DeviceState.Refused, unfit.Reason));
    }

    private void OnLeaving(NodeLeaving leaving)
    {
        _devices.Leaving(leaving.Node);
        _setup.Progress.Report(new NodeChanged(leaving.Node, DeviceState.Leaving, "finishes its shard"));
    }

    private void OnDrain(DrainNode drain)
    {
        if (_devices.ActorOf(drain.Node) is { } node)
        {
            node.Tell(drain);
            Sender.Tell(new DrainReply(true, $"{drain.Node} finishes its shard and leaves"));
            return;
        }
        Sender.Tell(new DrainReply(false, $"{drain.Node}: no such node; nodes: {string.Join(", ", _devices.Nodes.Select(n => n.Value).Order())}"));
    }

    private void OnRequestWork(RequestWork request)
    {
        if (_dismissed?.Over is { } over)
        {
            Sender.Tell(over);
            return;
        }
        See(request.Device);
        _setup.Progress.Report(new DeviceHeard(request.Device, null));
        // What the device holds of this step was acknowledged by a coordinator that died with it: it is asked for again, not computed again.
        foreach (var held in request.Held.Where(key => _work?.Wants(key) == true
            && !_work.Leases.Has(request.Device, key.Index) && !_work.Leases.FailedOn(key.Index, request.Device)))
        {
            _work!.Leases.Adopt(new LeaseId($"held-{request.Device}-{held.Step}-{held.Index}"), held.Index, request.Device, 1, DateTimeOffset.UtcNow);
        }
        Offer(request.Device);
    }

    private void See(DeviceId device)
    {
        if (_devices.Seen(device, Sender))
        {
            Context.Watch(Sender);
        }
        _firstSeen ??= DateTimeOffset.UtcNow;
        _work?.Leases.Hear(device, DateTimeOffset.UtcNow);
    }

    /// <summary>After an interruption shards are handed out only when everybody had time to say what they hold.</summary>
    private bool HandsOut(DateTimeOffset now) => !_handIn || now >= _firstSeen + _setup.Leases.HandIn;

    /// <summary>Leases a shard to a device, or lets it wait.</summary>
    private void Offer(DeviceId device)
    {
        var (worker, now) = (_devices.WorkerOf(device), DateTimeOffset.UtcNow);
        if (_devices.IsBenched(device))
        {
            worker.Tell(new NoWork("benched after repeated failures"));
        }
        else if ((HandsOut(now) ? _work?.Leases.Acquire(device, now) : _work?.Leases.HeldBy(device)) is { } lease)
        {
            _devices.Busy(device);
            worker.Tell(new ShardLease(lease.Id, lease.Shard, _work!.Blob, _setup.Settings));
            _setup.Progress.Report(new DeviceHeard(device, new DeviceWork(lease.Shard.Step, lease.Shard.Index, lease.Shard.Evaluation, "leased", lease.Fraction)));
        }
        else
        {
            _devices.Idle(device);
            worker.Tell(new NoWork("no shard is free"));
        }
        ReportShards();
    }

    private void OfferAll()
    {
        foreach (var device in _devices.Waiting)
        {
            Offer(device);
        }
    }

    private void OnProgress(ShardProgress progress)
    {
        if (_work?.Wants(progress.Key) != true)
        {
            return;
        }
        See(progress.Device);
        _work.Leases.Adopt(progress.Lease, progress.Key.Index, progress.Device, progress.Fraction, DateTimeOffset.UtcNow);
        _setup.Progress.Report(new DeviceHeard(progress.Device, new DeviceWork(progress.Key.Step, progress.Key.Index, _work.Evaluation, progress.Phase, progress.Fraction)));
        ReportShards();
    }

    private void OnDone(ShardDone done)
    {
        if (_work is null && _dismissed is null)
        {
            // Between two steps, or before the first of this coordinator: the device asks again, and does not throw away what may be wanted.
            return;
        }
        if (_work?.Wants(done.Key) != true)
        {
            Sender.Tell(new ShardAcknowledged(done.Lease, false, "already done, or of another step"));
            return;
        }
        See(done.Device);
        if (!_work.Leases.Has(done.Device, done.Key.Index))
        {
            _work.Leases.Adopt(done.Lease, done.Key.Index, done.Device, 1, DateTimeOffset.UtcNow);
        }
        _work.Leases.Computed(done.Key.Index, done.Device, DateTimeOffset.UtcNow);
        _results.Announce(done, Sender);
        _results.Continue(_work, _adapter.Length);
    }

    private void OnResult(ResultReceived result)
    {
        _results.Ended(result.Done.Lease);
        Take(result);
        if (_work is { } work)
        {
            _results.Continue(work, _adapter.Length);
        }
    }

    private void Take(ResultReceived result)
    {
        var done = result.Done;
        if (_work?.Wants(done.Key) != true)
        {
            result.Worker.Tell(new ShardAcknowledged(done.Lease, false, "already done"));
            return;
        }
        var refusal = result.Payload is null ? result.Error : _work.Take(done, result.Payload);
        result.Worker.Tell(new ShardAcknowledged(done.Lease, refusal is null, refusal ?? ""));
        if (refusal is not null)
        {
            Refuse(done.Lease, done.Device, done.Key, refusal);
            return;
        }
        _work.Leases.Complete(done.Key.Index, DateTimeOffset.UtcNow);
        _devices.Succeeded(done.Device, _work.Evaluation);
        _setup.Progress.Report(new ShardTimed(done.Key.Step, done.Key.Index, _work.Evaluation, done.SamplingSeconds, done.ScoringSeconds, done.BackwardSeconds, done.PeakMemory,
            done.Device, done.Payload.Bytes));
        ReportShards();
        if (_work.Leases.IsComplete)
        {
            Context.Parent.Tell(new ShardsComputed(_work));
            _work = null;
        }
    }

    private void OnFailed(ShardFailed failed)
    {
        Sender.Tell(new ShardAcknowledged(failed.Lease, false, "noted"));
        See(failed.Device);
        if (_work?.Leases.Find(failed.Lease) is null)
        {
            // Said again before the answer came: it counts once.
            return;
        }
        Refuse(failed.Lease, failed.Device, failed.Key, failed.Error);
    }

    /// <summary>The shard is done elsewhere; a device that fails again and again is benched, a shard that fails everywhere stops the run.</summary>
    private void Refuse(LeaseId lease, DeviceId device, ShardKey key, string why)
    {
        _log.Warning("lease {0}: {1}", lease, why);
        _setup.Progress.Report(new ShardRefused(device, key.Step, key.Index, why));
        if (_devices.Failed(device))
        {
            _setup.Progress.Report(new DeviceChanged(device, DeviceState.Benched, why));
        }
        if (_work?.Wants(key) != true)
        {
            return;
        }
        var failedOn = _work.Leases.Fail(lease, key.Index, device);
        // A device that has never done a training shard says nothing about this one.
        if (failedOn.Count(_devices.IsProven) >= DevicesBeforeGivingUp || _devices.AllBenched)
        {
            Context.Parent.Tell(new ShardsFailed($"shard {key.Index} of step {key.Step} failed on {failedOn.Count} device(s), last on {device}: {why}"));
            (_work, _dismissed) = (null, new Dismiss(null));
            return;
        }
        OfferAll();
    }

    private void OnFetch(FetchChunk fetch)
    {
        var answer = BlobTransfer.Answer(fetch, fetch.Hash == _blob?.Hash ? _adapter : null);
        Sender.Tell(answer);
        if (answer is BlobChunk chunk)
        {
            _setup.Progress.Report(new ChunkSent(chunk.Data.Length));
        }
    }

    private void Released(IReadOnlyList<DeviceId> devices, DeviceState how)
    {
        if (_dismissed?.Over is not null || devices.Count == 0)
        {
            return;
        }
        foreach (var device in devices)
        {
            _work?.Leases.Release(device);
            _results.Stop(device);
            var (state, detail) = _devices.IsLeaving(device) ? (DeviceState.Left, "drained") : (how, "its shards are leased again");
            _setup.Progress.Report(new DeviceChanged(device, state, detail));
        }
        OfferAll();
    }

    private void OnTick()
    {
        if (_work is not { } work)
        {
            return;
        }
        foreach (var lease in work.Leases.Expire(DateTimeOffset.UtcNow))
        {
            _setup.Progress.Report(new DeviceChanged(lease.Device, DeviceState.Silent, $"shard {lease.Shard.Index} is leased again"));
            _results.Stop(lease.Device);
        }
        OfferAll();
        _results.Continue(work, _adapter.Length);
    }

    private void ReportShards()
    {
        if (_work is { } work)
        {
            _setup.Progress.Report(new ShardsChanged(work.Step, work.Evaluation, work.Leases.Done, work.Leases.Leased, work.Leases.Total, work.Leases.Fraction));
        }
    }

    private sealed record Tick
    {
        public static Tick Instance { get; } = new();
    }
}
