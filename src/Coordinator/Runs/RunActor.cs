using Akka.Actor;
using Akka.Event;
using Akka.Persistence;
using Akka.Remote;
using AlignProp.Adapters;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Runs;

/// <summary>
/// One run: hands out the shards of the current step, takes results, commits. Its journal is the truth: adapter and
/// moments are in the store before <see cref="StepCommittedEvent"/> is persisted, and a step counts only then. Heavy work
/// (AdamW, hashing, disk) runs beside the actor and comes back as a message. Where the journal cannot be reached the actor
/// stops; its supervisor starts it again, and it goes on at the last committed step.
/// </summary>
public sealed class RunActor : ReceivePersistentActor, IWithTimers
{
    // Nodes that were cut off look for a coordinator every 3 s, and their devices report every second: this long after the first, all that
    // hold or compute something for the interrupted step have said so.
    private static readonly TimeSpan HandInGrace = TimeSpan.FromSeconds(4);

    private const int DevicesBeforeGivingUp = 3;

    private readonly RunSetup _setup;
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly DeviceRoster _devices = new();
    private readonly ResultQueue _results = new();
    private RunState _state = new();
    private LoraWeights _adapter = null!;
    private AdamWState _moments = null!;
    private BlobRef? _adapterBlob;
    private byte[] _adapterBytes = [];
    private StepWork? _work;
    private bool _repairing;
    private bool _resumed;
    private bool _failed;
    private DateTimeOffset? _firstSeen;

    public RunActor(RunSetup setup)
    {
        _setup = setup;
        Recover<IRunEvent>(e => _state = _state.Apply(e));
        Recover<RecoveryCompleted>(_ => Self.Tell(Begin.Instance));

        Command<Begin>(_ => OnBegin());
        Command<Started>(OnStarted);
        Command<NodeHello>(OnHello);
        Command<NodeUnfit>(OnUnfit);
        Command<NodeLeaving>(OnLeaving);
        Command<DrainNode>(OnDrain);
        Command<RequestWork>(OnRequestWork);
        Command<ShardProgress>(OnProgress);
        Command<ShardDone>(OnDone);
        Command<ShardFailed>(OnFailed);
        Command<ResultReceived>(OnResult);
        Command<FetchChunk>(OnFetch);
        Command<StepComputed>(OnStepComputed);
        Command<EvaluationFinished>(OnEvaluated);
        Command<Status.Failure>(OnFailure);
        Command<Terminated>(OnTerminated);
        Command<DisassociatedEvent>(OnDisassociated);
        Command<Tick>(_ => OnTick());
    }

    public override string PersistenceId => PersistenceIdOf(_setup.Run);

    public static string PersistenceIdOf(RunId run) => $"run-{run}";

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart()
    {
        // A killed process closes its connections at once, long before membership gives it up.
        Context.System.EventStream.Subscribe(Self, typeof(DisassociatedEvent));
        base.PreStart();
    }

    protected override void PostStop()
    {
        Context.System.EventStream.Unsubscribe(Self);
        base.PostStop();
    }

    protected override void OnPersistFailure(Exception cause, object @event, long sequenceNr) => Paused("written", cause);

    protected override void OnPersistRejected(Exception cause, object @event, long sequenceNr) => Fail($"the journal refused an event: {cause.Message}");

    protected override void OnRecoveryFailure(Exception reason, object? message = null)
    {
        if (reason.GetBaseException() is InvalidDataException or System.Runtime.Serialization.SerializationException)
        {
            Fail($"the journal is damaged: {reason.GetBaseException().Message}");
            return;
        }
        Paused("read", reason);
    }

    private void Paused(string what, Exception cause) =>
        _setup.Progress.Report(new RunNotice($"paused at step {_state.Step}: the journal cannot be {what} ({cause.GetBaseException().Message.Split('\n')[0]}); trying again"));

    /// <summary>
    /// Takes the run over: of two coordinators that try, the journal lets one. Elected first, then read: until then another one may commit
    /// on, and delete what this one is about to load.
    /// </summary>
    private void OnBegin()
    {
        var leadership = _setup.Leadership;
        if (leadership.IsDeposed(_state.Coordinator))
        {
            _setup.Progress.Report(new RunSuperseded(_state.Coordinator!.Host));
            return;
        }
        Timers.StartPeriodicTimer("tick", Tick.Instance, TimeSpan.FromMilliseconds(500));
        Persist(new CoordinatorElected((_state.Coordinator?.Epoch ?? 0) + 1, leadership.Life, leadership.Host), elected =>
        {
            _state = _state.Apply(elected);
            leadership.Led = true;
            var (state, setup) = (_state, _setup);
            Task.Run(() => Started.Prepare(state, setup)).PipeTo(Self);
        });
    }

    private void OnStarted(Started started)
    {
        (_adapter, _moments) = (started.Adapter, started.Moments);
        SetAdapterBytes(started.AdapterBytes);
        _resumed = started.Created is null;
        if (started.Created is { } created)
        {
            Persist(created, e => { _state = _state.Apply(e); Announce(); });
        }
        else
        {
            Announce();
        }

        void Announce()
        {
            _setup.Progress.Report(new RunStarted(_setup.Run.Value, _state.Step, _setup.Planner.StepsPerEpoch, _setup.Planner.MaxSteps,
                _setup.Planner.ShardsPerStep, (int)_adapter.ParameterCount));
            if (started.Repair is { } damage)
            {
                _repairing = true;
                _setup.Progress.Report(new RunNotice($"computing step {_state.Step} again from the step before it: {damage}"));
                StartWork(_setup.Planner.Train(_state.Step));
                return;
            }
            Next();
        }
    }

    /// <summary>What the journal asks for next: an evaluation that is due, the end, or a step.</summary>
    private void Next()
    {
        if (_state.EndReason is { } reason)
        {
            End(reason);
            return;
        }
        var every = _setup.Planner.StepsPerEpoch * Math.Max(1, _setup.Config.Evaluation.EveryEpochs);
        var last = _state.Step >= _setup.Planner.MaxSteps;
        if (!_state.IsEvaluated && (_state.Step % every == 0 || last))
        {
            StartWork(_setup.Planner.Evaluate(_state.Step));
            return;
        }
        if (StoppingRules.Reason(_setup.Config.Stopping, _state.Step, _setup.Planner.MaxSteps, _state.Evaluations) is { } stop)
        {
            Persist(new RunEnded(_state.Step, stop), e => { _state = _state.Apply(e); End(e.Reason); });
            return;
        }
        StartWork(_setup.Planner.Train(_state.Step + 1));
    }

    private void StartWork(IReadOnlyList<Shard> shards)
    {
        _results.Clear();
        var leases = new LeaseTable(shards, _setup.Leases, $"{_setup.Leadership.Life}-{_state.Coordinator!.Epoch}");
        _work = new StepWork(shards, _adapter, _adapterBlob!, leases, DateTimeOffset.UtcNow, _setup.Labels(shards[0].Evaluation));
        OfferAll();
        ReportShards();
    }

    private void OnHello(NodeHello hello)
    {
        if (hello.Version != _setup.Version)
        {
            var reason = $"node {hello.Node} runs version {hello.Version}, the coordinator {_setup.Version}";
            Sender.Tell(new NodeRefused(reason));
            _setup.Progress.Report(new NodeChanged(hello.Node.Value, "refused", reason));
            return;
        }
        // Said again and again until the node works: a message may be lost.
        Sender.Tell(new NodeWelcome(_setup.Run, _setup.Settings));
        if (_devices.Joined(hello.Node, Sender, hello.Devices))
        {
            Context.Watch(Sender);
            _setup.Progress.Report(new NodeChanged(hello.Node.Value, "joined", string.Join(", ", hello.Devices)));
        }
    }

    private void OnUnfit(NodeUnfit unfit)
    {
        _devices.Unfit(unfit.Node);
        _setup.Progress.Report(new NodeChanged(unfit.Node.Value, "refused", unfit.Reason));
    }

    private void OnLeaving(NodeLeaving leaving)
    {
        _devices.Leaving(leaving.Node);
        _setup.Progress.Report(new NodeChanged(leaving.Node.Value, "leaving", "finishes its shard"));
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
        if (_state.EndReason is { } reason && !_repairing)
        {
            Sender.Tell(new RunOver(reason));
            return;
        }
        See(request.Device);
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
    private bool HandsOut(DateTimeOffset now) => !_resumed || now >= _firstSeen + HandInGrace;

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
        ReportShards();
    }

    private void OnDone(ShardDone done)
    {
        if (_work is null && _state.EndReason is null && !_failed)
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
        Fetch();
    }

    /// <summary>Fetches the results whose turn it is.</summary>
    private void Fetch()
    {
        if (_work is not { } work)
        {
            return;
        }
        foreach (var (done, worker) in _results.Start(work.Next, work.Waiting * (long)_adapterBytes.Length))
        {
            if (!work.Wants(done.Key))
            {
                _results.Ended(done.Lease);
                worker.Tell(new ShardAcknowledged(done.Lease, false, "already done"));
            }
            else if (Context.Child(ReceiverOf(done.Lease)).IsNobody())
            {
                var evaluation = work.Evaluation;
                Context.ActorOf(Props.Create(() => new ResultReceiver(done, worker, evaluation)), ReceiverOf(done.Lease));
            }
            else
            {
                // One that was stopped has not ended yet: the device announces the result again within a second.
                _results.Ended(done.Lease);
            }
        }
    }

    /// <summary>A lease's id comes from the device: it may hold what no actor's name may.</summary>
    private static string ReceiverOf(LeaseId lease) => $"result-{Uri.EscapeDataString(lease.Value)}";

    /// <summary>A device that is gone or silent sends no more of what it announced.</summary>
    private void StopFetching(DeviceId device)
    {
        foreach (var lease in _results.Drop(device))
        {
            Context.Stop(Context.Child(ReceiverOf(lease)));
        }
    }

    private void OnResult(ResultReceived result)
    {
        _results.Ended(result.Done.Lease);
        OnFetched(result);
        Fetch();
    }

    private void OnFetched(ResultReceived result)
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
        _setup.Progress.Report(new ShardTimed(done.Key.Step, done.Key.Index, _work.Evaluation, done.SamplingSeconds, done.ScoringSeconds, done.BackwardSeconds, done.PeakMemory));
        ReportShards();
        if (_work.Leases.IsComplete)
        {
            Finish();
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
        if (_devices.Failed(device))
        {
            _setup.Progress.Report(new NodeChanged(device.Value, "benched", why));
        }
        if (_work?.Wants(key) != true)
        {
            return;
        }
        var failedOn = _work.Leases.Fail(lease, key.Index, device);
        // A device that has never done a training shard says nothing about this one.
        if (failedOn.Count(_devices.IsProven) >= DevicesBeforeGivingUp || _devices.AllBenched)
        {
            Fail($"shard {key.Index} of step {key.Step} failed on {failedOn.Count} device(s), last on {device}: {why}");
            return;
        }
        OfferAll();
    }

    private void OnFetch(FetchChunk fetch)
    {
        var chunk = fetch.Hash == _adapterBlob?.Hash ? BlobTransfer.ChunkOf(_adapterBytes, fetch.Hash, fetch.Index) : null;
        Sender.Tell(chunk is null ? new BlobMissing(fetch.Hash) : (object)chunk);
    }

    private void OnTerminated(Terminated terminated) =>
        Released(_devices.Gone(terminated.ActorRef), device => _devices.IsLeaving(device) ? ("left", "drained") : ("lost", "its shards are leased again"));

    private void OnDisassociated(DisassociatedEvent broken)
    {
        if (_state.EndReason is null)
        {
            Released(_devices.CutOff(broken.RemoteAddress), device => _devices.IsLeaving(device) ? ("left", "drained") : ("cut off", "its shards are leased again"));
        }
    }

    private void Released(IReadOnlyList<DeviceId> devices, Func<DeviceId, (string State, string Detail)> describe)
    {
        if (_state.EndReason is not null || devices.Count == 0)
        {
            return;
        }
        foreach (var device in devices)
        {
            _work?.Leases.Release(device);
            StopFetching(device);
            var (state, detail) = describe(device);
            _setup.Progress.Report(new NodeChanged(device.Value, state, detail));
        }
        OfferAll();
    }

    private void OnTick()
    {
        if (_work is null)
        {
            return;
        }
        foreach (var lease in _work.Leases.Expire(DateTimeOffset.UtcNow))
        {
            _setup.Progress.Report(new NodeChanged(lease.Device.Value, "silent", $"shard {lease.Shard.Index} is leased again"));
            StopFetching(lease.Device);
        }
        OfferAll();
        Fetch();
    }

    private void Finish()
    {
        var work = _work!;
        _work = null;
        if (work.Evaluation)
        {
            var samples = _setup.Planner.EvaluationSamples();
            Task.Run(() => EvaluationSummary.Of(work, samples)).PipeTo(Self);
            return;
        }
        var (setup, epoch, adapter, moments) = (_setup, _state.Coordinator!.Epoch, _adapter, _moments);
        Task.Run(() => StepComputed.Of(setup, epoch, work, adapter, moments)).PipeTo(Self);
    }

    private void OnEvaluated(EvaluationFinished evaluation) =>
        Persist(new EvaluationRecorded(evaluation.Step, evaluation.RewardMean, evaluation.RewardStd, evaluation.Diversity, evaluation.Terms ?? []), e =>
        {
            _state = _state.Apply(e);
            _setup.Progress.Report(evaluation with { Epoch = EpochOf(e.Step) });
            Next();
        });

    private void OnStepComputed(StepComputed computed)
    {
        if (_repairing)
        {
            OnRepaired(computed);
            return;
        }
        Persist(computed.Event, e =>
        {
            _state = _state.Apply(e);
            Take(computed);
            _setup.Progress.Report(new StepCommitted(e.Step, EpochOf(e.Step), e.RewardMean, e.RewardStd, e.Loss, e.GradNorm, e.Truncations, e.AdapterHash.Value, e.Seconds, e.Terms));
            var (store, old) = (_setup.Store, _state.Superseded);
            Task.Run(() => store.Delete(old)).ContinueWith(t => _log.Warning("old adapters could not be deleted: {0}", t.Exception!.GetBaseException().Message), TaskContinuationOptions.OnlyOnFaulted);
            Next();
        });
    }

    /// <summary>A committed step computed again must come out as the journal says; its blobs are whole again.</summary>
    private void OnRepaired(StepComputed computed)
    {
        _repairing = false;
        if (computed.Event.AdapterHash != _state.Adapter || computed.Event.MomentsHash != _state.Moments)
        {
            Fail($"step {_state.Step} computed again has adapter {computed.Event.AdapterHash}, the journal {_state.Adapter}: the model's files, the prompts or the kind of device are not those of the run");
            return;
        }
        _setup.Progress.Report(new RunNotice($"step {_state.Step} is whole again, with the same hash"));
        Take(computed);
        Next();
    }

    private void Take(StepComputed computed)
    {
        (_adapter, _moments) = (computed.Adapter, computed.Moments);
        SetAdapterBytes(computed.AdapterBytes);
    }

    /// <summary>Work beside the actor failed: a store that is away is waited for, anything else ends the run with everything kept.</summary>
    private void OnFailure(Status.Failure failure)
    {
        // A broken connection is a DbException around an IOException.
        if (Causes(failure.Cause).Any(e => e is System.Data.Common.DbException or TimeoutException or System.Net.Sockets.SocketException))
        {
            Paused("reached", failure.Cause);
            Context.Stop(Self);
            return;
        }
        Fail(failure.Cause.GetBaseException().Message);
    }

    private static IEnumerable<Exception> Causes(Exception? cause)
    {
        for (; cause is not null; cause = cause.InnerException)
        {
            yield return cause;
        }
    }

    private int EpochOf(int step) => (step + _setup.Planner.StepsPerEpoch - 1) / _setup.Planner.StepsPerEpoch;

    private void SetAdapterBytes(byte[] bytes) => (_adapterBytes, _adapterBlob) = (bytes, BlobTransfer.Describe(bytes));

    private void End(string reason)
    {
        _work = null;
        foreach (var worker in _devices.Workers)
        {
            worker.Tell(new RunOver(reason));
        }
        _setup.Progress.Report(new RunStopped(_setup.Run.Value, _state.Step, reason, _state.Adapter.Value));
    }

    private void Fail(string error)
    {
        (_work, _failed) = (null, true);
        _setup.Progress.Report(new RunFailed(_setup.Run.Value, _state.Step, error));
    }

    private void ReportShards()
    {
        if (_work is { } work)
        {
            _setup.Progress.Report(new ShardsChanged(work.Step, work.Evaluation, work.Leases.Done, work.Leases.Leased, work.Leases.Total, work.Leases.Fraction));
        }
    }

    private sealed record Begin
    {
        public static Begin Instance { get; } = new();
    }

    private sealed record Tick
    {
        public static Tick Instance { get; } = new();
    }
}
