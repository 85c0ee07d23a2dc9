using Akka.Actor;
using Akka.Event;
using Akka.Persistence;
using AlignProp.Adapters;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Runs;

/// <summary>
/// One run: hands out the shards of the current step, takes results, commits. Its journal is the truth: adapter and
/// moments are in the store before <see cref="StepCommittedEvent"/> is persisted, and a step counts only then. Heavy work
/// (AdamW, hashing, disk) runs beside the actor and comes back as a message.
/// </summary>
public sealed class RunActor : ReceivePersistentActor, IWithTimers
{
    private readonly RunSetup _setup;
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly DeviceRoster _devices = new();
    private readonly string _life = Guid.NewGuid().ToString("N")[..6];
    private RunState _state = new();
    private LoraWeights _adapter = null!;
    private AdamWState _moments = null!;
    private BlobRef _adapterBlob = null!;
    private byte[] _adapterBytes = [];
    private StepWork? _work;

    public RunActor(RunSetup setup)
    {
        _setup = setup;
        Recover<IRunEvent>(e => _state = _state.Apply(e));
        Recover<RecoveryCompleted>(_ => Self.Tell(Begin.Instance));

        Command<Begin>(_ => OnBegin());
        Command<Started>(OnStarted);
        Command<NodeHello>(OnHello);
        Command<NodeLeaving>(leaving => _setup.Progress.Report(new NodeChanged(leaving.Node.Value, "leaving", "finishes its shard")));
        Command<RequestWork>(OnRequestWork);
        Command<ShardProgress>(OnProgress);
        Command<ShardDone>(OnDone);
        Command<ShardFailed>(OnFailed);
        Command<ResultReceived>(OnResult);
        Command<FetchChunk>(OnFetch);
        Command<StepComputed>(OnStepComputed);
        Command<Status.Failure>(failure => Fail(failure.Cause.Message));
        Command<Terminated>(OnTerminated);
        Command<Tick>(_ => OnTick());
    }

    public override string PersistenceId => $"run-{_setup.Run}";

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void OnPersistFailure(Exception cause, object @event, long sequenceNr) =>
        _setup.Progress.Report(new RunFailed(_setup.Run.Value, _state.Step, $"the journal cannot be written: {cause.Message}"));

    protected override void OnRecoveryFailure(Exception reason, object? message = null) =>
        _setup.Progress.Report(new RunFailed(_setup.Run.Value, _state.Step, $"the journal cannot be read: {reason.Message}"));

    private void OnBegin()
    {
        Timers.StartPeriodicTimer("tick", Tick.Instance, TimeSpan.FromMilliseconds(500));
        var (state, setup) = (_state, _setup);
        Task.Run(() => Started.Prepare(state, setup)).PipeTo(Self);
    }

    private void OnStarted(Started started)
    {
        (_adapter, _moments) = (started.Adapter, started.Moments);
        SetAdapterBytes(started.AdapterBytes);
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
        _work = new StepWork(shards, _adapter, _adapterBlob, new LeaseTable(shards, _setup.LeaseSilence, _life), DateTimeOffset.UtcNow);
        foreach (var device in _devices.Waiting)
        {
            Offer(device);
        }
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
        Sender.Tell(new NodeWelcome(_setup.Run));
        _setup.Progress.Report(new NodeChanged(hello.Node.Value, "joined", string.Join(", ", hello.Devices)));
    }

    private void OnRequestWork(RequestWork request)
    {
        if (_state.EndReason is { } reason)
        {
            Sender.Tell(new RunOver(reason));
            return;
        }
        if (_devices.Seen(request.Device, Sender))
        {
            Context.Watch(Sender);
        }
        Offer(request.Device);
    }

    /// <summary>Leases a shard to a device, or lets it wait.</summary>
    private void Offer(DeviceId device)
    {
        var worker = _devices.WorkerOf(device);
        if (_devices.IsBenched(device))
        {
            worker.Tell(new NoWork("benched after repeated failures"));
        }
        else if (_work?.Leases.Acquire(device, DateTimeOffset.UtcNow) is { } lease)
        {
            _devices.Busy(device);
            worker.Tell(new ShardLease(lease.Id, lease.Shard, _work.Blob, _setup.Settings));
        }
        else
        {
            _devices.Idle(device);
            worker.Tell(new NoWork("no shard is free"));
        }
        ReportShards();
    }

    private void OnProgress(ShardProgress progress)
    {
        _work?.Leases.Renew(progress.Lease, progress.Fraction, DateTimeOffset.UtcNow);
        ReportShards();
    }

    private void OnDone(ShardDone done)
    {
        if (_work is null || !_work.Wants(done))
        {
            Sender.Tell(new ShardAcknowledged(done.Lease, false, "already done, or of another step"));
            return;
        }
        _work.Leases.Renew(done.Lease, 1, DateTimeOffset.UtcNow);
        var name = $"result-{done.Lease}";
        if (Context.Child(name).IsNobody())
        {
            Context.ActorOf(Props.Create(() => new ResultReceiver(done, Sender)), name);
        }
    }

    private void OnResult(ResultReceived result)
    {
        var done = result.Done;
        if (_work is null || !_work.Wants(done))
        {
            result.Worker.Tell(new ShardAcknowledged(done.Lease, false, "already done"));
            return;
        }
        var device = _work.Leases.Find(done.Lease)?.Device;
        var refusal = result.Payload is null ? "the payload did not arrive whole" : _work.Take(done, result.Payload);
        if (refusal is not null)
        {
            result.Worker.Tell(new ShardAcknowledged(done.Lease, false, refusal));
            Refuse(done.Lease, device, refusal);
            return;
        }
        _work.Leases.Complete(done.Index, DateTimeOffset.UtcNow);
        result.Worker.Tell(new ShardAcknowledged(done.Lease, true, ""));
        if (device is { } good)
        {
            _devices.Succeeded(good);
        }
        _setup.Progress.Report(new ShardTimed(done.Step, done.Index, _work.Evaluation, done.SamplingSeconds, done.ScoringSeconds, done.BackwardSeconds, done.PeakMemory));
        ReportShards();
        if (_work.Leases.IsComplete)
        {
            Finish();
        }
    }

    private void OnFailed(ShardFailed failed)
    {
        if (failed.Configuration)
        {
            Fail(failed.Error);
            return;
        }
        Refuse(failed.Lease, _work?.Leases.Find(failed.Lease)?.Device, failed.Error);
    }

    /// <summary>The shard is done elsewhere; a device that fails again and again is benched, a shard that fails everywhere stops the run.</summary>
    private void Refuse(LeaseId lease, DeviceId? device, string why)
    {
        _log.Warning("lease {0}: {1}", lease, why);
        var failures = _work?.Leases.Fail(lease) ?? 0;
        if (device is { } bad && _devices.Failed(bad))
        {
            _setup.Progress.Report(new NodeChanged(bad.Value, "benched", why));
        }
        if (failures >= 3 || (device is not null && _devices.AllBenched))
        {
            Fail($"a shard of step {_work!.Step} failed on {failures} device(s): {why}");
            return;
        }
        foreach (var waiting in _devices.Waiting)
        {
            Offer(waiting);
        }
    }

    private void OnFetch(FetchChunk fetch)
    {
        var chunk = fetch.Hash == _adapterBlob.Hash ? BlobTransfer.ChunkOf(_adapterBytes, fetch.Hash, fetch.Index) : null;
        Sender.Tell(chunk is null ? new BlobMissing(fetch.Hash) : (object)chunk);
    }

    private void OnTerminated(Terminated terminated)
    {
        if (_state.EndReason is not null)
        {
            return;
        }
        foreach (var device in _devices.Gone(terminated.ActorRef))
        {
            _work?.Leases.Release(device);
            _setup.Progress.Report(new NodeChanged(device.Value, "lost", "its shards are leased again"));
        }
        foreach (var waiting in _devices.Waiting)
        {
            Offer(waiting);
        }
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
        }
        foreach (var device in _devices.Waiting)
        {
            Offer(device);
        }
    }

    private void Finish()
    {
        var work = _work!;
        _work = null;
        if (work.Evaluation)
        {
            var evaluation = EvaluationSummary.Of(work, _setup.Planner.EvaluationSamples());
            Persist(new EvaluationRecorded(work.Step, evaluation.RewardMean, evaluation.RewardStd, evaluation.Diversity), e =>
            {
                _state = _state.Apply(e);
                _setup.Progress.Report(evaluation with { Epoch = EpochOf(work.Step) });
                Next();
            });
            return;
        }
        var (setup, adapter, moments) = (_setup, _adapter, _moments);
        Task.Run(() => StepComputed.Of(setup, work, adapter, moments)).PipeTo(Self);
    }

    private void OnStepComputed(StepComputed computed) => Persist(computed.Event, e =>
    {
        _state = _state.Apply(e);
        (_adapter, _moments) = (computed.Adapter, computed.Moments);
        SetAdapterBytes(computed.AdapterBytes);
        _setup.Progress.Report(new StepCommitted(e.Step, EpochOf(e.Step), e.RewardMean, e.RewardStd, e.Loss, e.GradNorm, e.Truncations, e.AdapterHash.Value, e.Seconds));
        HashSet<BlobHash> keep = [_state.Adapter, _state.Moments, .. _state.Milestones];
        _setup.Store.KeepOnly(keep);
        Next();
    });

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
        _work = null;
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
