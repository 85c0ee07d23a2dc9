using Akka.Actor;
using Akka.Event;
using Akka.Persistence;
using AlignProp.Adapters;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Runs;

/// <summary>
/// One run: says what is to be computed next, and commits. Its journal is the truth: adapter and moments are in the store before
/// <see cref="StepCommittedEvent"/> is persisted, and a step counts only then. The devices are its <see cref="ShardDispatcher"/>'s; heavy
/// work (AdamW, hashing, disk) runs beside the actor and comes back as a message. Where the journal cannot be reached the actor stops;
/// its supervisor starts it again, and it goes on at the last committed step.
/// </summary>
public sealed class RunActor : ReceivePersistentActor
{
    private readonly RunSetup _setup;
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly IActorRef _shards;
    private RunState _state = new();
    private LoraWeights _adapter = null!;
    private AdamWState _moments = null!;
    private byte[] _adapterBytes = [];
    private bool _repairing;
    private bool _resumed;

    public RunActor(RunSetup setup)
    {
        _setup = setup;
        _shards = Context.ActorOf(Props.Create(() => new ShardDispatcher(setup)), "shards");
        Recover<IRunEvent>(e => _state = _state.Apply(e));
        Recover<RecoveryCompleted>(_ => Self.Tell(Begin.Instance));

        Command<Begin>(_ => OnBegin());
        Command<Started>(OnStarted);
        Command<IAlignPropMessage>(_shards.Forward);
        Command<ShardsComputed>(computed => OnComputed(computed.Work));
        Command<SteerRun>(OnSteer);
        Command<ShardsFailed>(failed => Fail(failed.Error));
        Command<StepComputed>(OnStepComputed);
        Command<EvaluationFinished>(OnEvaluated);
        Command<Status.Failure>(OnFailure);
    }

    public override string PersistenceId => PersistenceIdOf(_setup.Run);

    public static string PersistenceIdOf(RunId run) => $"run-{run}";

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
        _setup.Progress.Report(new RunNotice($"paused at step {_state.Step}: the journal cannot be {what} ({cause.GetBaseException().Message.Split('\n')[0]}); trying again", NoticeKind.JournalAway));

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
        var before = _state.Coordinator?.Host;
        Persist(new CoordinatorElected((_state.Coordinator?.Epoch ?? 0) + 1, leadership.Life, leadership.Host), elected =>
        {
            _state = _setup.Steering.Begin(_state.Apply(elected));
            _setup.Progress.Report(new RunLed(elected.Epoch, elected.Host, before));
            leadership.Led = true;
            var (state, setup) = (_state, _setup);
            Task.Run(() => Started.Prepare(state, setup)).PipeTo(Self);
        });
    }

    private void OnStarted(Started started)
    {
        (_adapter, _moments, _adapterBytes) = (started.Adapter, started.Moments, started.AdapterBytes);
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
                _setup.Progress.Report(new RunNotice($"computing step {_state.Step} again from the step before it: {damage}", NoticeKind.Repair));
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
        if (_setup.Steering.Holds(_state.Step, _setup.Progress))
        {
            return;
        }
        var every = _setup.Planner.StepsPerEpoch * Math.Max(1, _setup.Config.Evaluation.EveryEpochs);
        var last = _state.Step >= _setup.Planner.MaxSteps || _setup.Steering.StopReason is not null;
        if (!_state.IsEvaluated && (_state.Step % every == 0 || last))
        {
            StartWork(_setup.Planner.Evaluate(_state.Step));
            return;
        }
        if ((StoppingRules.Reason(_setup.Config.Stopping, _state.Step, _setup.Planner.MaxSteps, _state.Evaluations) ?? _setup.Steering.StopReason) is { } stop)
        {
            Persist(new RunEnded(_state.Step, stop), e => { _state = _state.Apply(e); End(e.Reason); });
            return;
        }
        StartWork(_setup.Planner.Train(_state.Step + 1));
    }

    private void OnSteer(SteerRun ask)
    {
        var waited = _setup.Steering.Waiting;
        Sender.Tell(_state.EndReason is { } reason ? new SteerReply(false, $"the run is over: {reason}") : _setup.Steering.Ask(ask.What, _state.Step, _setup.Progress));
        if (waited && !_setup.Steering.Waiting)
        {
            Next();
        }
    }

    private void StartWork(IReadOnlyList<Shard> shards)
    {
        _setup.Steering.Begins(shards[0].Step, shards[0].Evaluation);
        var leases = new LeaseTable(shards, _setup.Leases, $"{_setup.Leadership.Life}-{_state.Coordinator!.Epoch}");
        var work = new StepWork(shards, _adapter, BlobRef.Of(_adapterBytes), leases, DateTimeOffset.UtcNow, _setup.Labels(shards[0].Evaluation));
        _shards.Tell(new ComputeShards(work, _adapterBytes, _resumed));
    }

    private void OnComputed(StepWork work)
    {
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
        _setup.Progress.Report(new RunNotice($"step {_state.Step} is whole again, with the same hash", NoticeKind.Repair));
        Take(computed);
        Next();
    }

    private void Take(StepComputed computed) => (_adapter, _moments, _adapterBytes) = (computed.Adapter, computed.Moments, computed.AdapterBytes);

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

    private void End(string reason)
    {
        _shards.Tell(new Dismiss(new RunOver(reason)));
        _setup.Progress.Report(new RunStopped(_setup.Run.Value, _state.Step, reason, _state.Adapter.Value));
    }

    private void Fail(string error)
    {
        _shards.Tell(new Dismiss(null));
        _setup.Progress.Report(new RunFailed(_setup.Run.Value, _state.Step, error));
    }

    private sealed record Begin
    {
        public static Begin Instance { get; } = new();
    }
}
