using System.Collections.Immutable;
using System.Data.Common;
using System.Net.Sockets;
using Akka.Actor;
using Akka.Event;
using Akka.Persistence;
using AlignProp.Coordinator.Methods;
using AlignProp.Coordinator.Storage;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Runs;

/// <summary>
/// One run: says what is to be computed next, and commits. Its journal is the truth: adapter and moments are in the store
/// before <see cref="StepCommittedEvent"/> is persisted, and a step counts only then. The devices are its
/// <see cref="ShardDispatcher"/>'s; heavy work (AdamW, hashing, disk) runs beside the actor and comes back as a message. Where
/// the journal cannot be reached the actor stops; its supervisor starts it again, and it goes on at the last committed step. It
/// is Electing, Starting, Repairing, Working, Committing or Paused, and in the end Over, Failed or Deposed.
/// </summary>
public sealed class RunActor : ReceivePersistentActor
{
    private readonly RunSetup _setup;
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly IActorRef _shards;
    private readonly StepTrace _trace = new();
    private RunState _state;
    private bool _resumed;

    // What makes the samples of the step in work, and when its first round began.
    private byte[]? _behaviour;
    private DateTimeOffset _began;

    /// <param name="shards">Of a <see cref="ShardDispatcher"/>.</param>
    public RunActor(RunSetup setup, Props shards)
    {
        _setup = setup;
        _state = new RunState { StepsPerBatch = setup.Planner.StepsPerBatch };
        _shards = Context.ActorOf(shards, "shards");
        Recover<IRunEvent>(e => _state = _state.Apply(e));
        Recover<RecoveryCompleted>(_ => Self.Tell(Begin.Instance));
        Electing();
    }

    public override string PersistenceId => RunJournal.IdOf(_setup.Run);

    /// <summary>A dispatcher that fails has forgotten its work: the run goes on at the last committed step.</summary>
    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(_ => Directive.Escalate);

    protected override void PostStop()
    {
        _trace.End("stopped before the commit");
        base.PostStop();
    }

    protected override void OnPersistFailure(Exception cause, object @event, long sequenceNr) => OnJournal("written", cause);

    protected override void OnPersistRejected(Exception cause, object @event, long sequenceNr) =>
        Fail($"the journal refused an event: {cause.Message}");

    protected override void OnRecoveryFailure(Exception reason, object? message = null)
    {
        OnJournal("read", reason);
    }

    /// <summary>One that is away is waited for; one that is damaged, or not for us, does not come back by itself.</summary>
    private void OnJournal(string what, Exception cause)
    {
        var fault = JournalFault.Of(cause);
        switch (fault.Kind)
        {
            case JournalFaultKind.Damaged:
                Fail($"the journal is damaged: {fault.Why}", damaged: true);
                break;
            case JournalFaultKind.Refused:
                Fail($"the journal cannot be {what}: {fault.Why}");
                break;
            case JournalFaultKind.Conflict:
                _setup.Progress.Report(new RunNotice("another coordinator has written to the journal; looking who leads",
                    NoticeKind.Takeover));
                break;
            default:
                ReportAway(what, fault.Why);
                break;
        }
    }

    /// <summary>The journal is read; this coordinator takes the run over, if the journal lets it.</summary>
    private void Electing()
    {
        Alive();
        Command<Begin>(_ => Elect());
    }

    /// <summary>Elected; adapter and moments are loaded, or made.</summary>
    private void Starting()
    {
        Alive();
        Command<Started>(OnStarted);
        Command<Status.Failure>(OnFailure);
    }

    /// <summary>The last step's blobs are damaged: it is computed again, and must come out as the journal says.</summary>
    /// <param name="before">The adapter the step starts from.</param>
    /// <param name="done">Of the step's rounds.</param>
    private void Repairing(TrainedAdapter before, ImmutableList<RoundResult> done)
    {
        Alive();
        Command<ShardsComputed>(computed => OnRound(computed.Work, before, done, Repairing, () => Repairing(before, done)));
        Command<ShardsFailed>(failed => Fail(failed.Error));
        Command<StepComputed>(OnRepaired);
        Command<Status.Failure>(OnFailure);
    }

    /// <summary>The shards of a round of a step, or of an evaluation, are with the dispatcher.</summary>
    /// <param name="done">Of the step's rounds.</param>
    private void Working(TrainedAdapter trained, ImmutableList<RoundResult> done)
    {
        Alive();
        Command<ShardsComputed>(computed => OnRound(computed.Work, trained, done, Working, () => Committing(trained)));
        Command<ShardsFailed>(failed => Fail(failed.Error));
    }

    /// <summary>All results are there: what follows from them is computed beside the actor, then persisted.</summary>
    private void Committing(TrainedAdapter trained)
    {
        Alive();
        Command<StepComputed>(OnStepComputed);
        Command<EvaluationFinished>(evaluation => OnEvaluated(evaluation, trained));
        Command<Status.Failure>(OnFailure);
    }

    /// <summary>Nothing is in work until people say so.</summary>
    private void Paused(TrainedAdapter trained)
    {
        Command<IAlignPropMessage>(_shards.Forward);
        Command<SteerRun>(ask =>
        {
            Sender.Tell(_setup.Steering.Ask(ask.What, _state.Step, waiting: true, _setup.Progress));
            if (!_setup.Steering.Holds)
            {
                Next(trained);
            }
        });
    }

    private void Over(string reason)
    {
        Command<IAlignPropMessage>(_shards.Forward);
        Command<SteerRun>(_ => Sender.Tell(IsOver(reason)));
    }

    /// <summary>Everything is kept, and another start may go on.</summary>
    private void Failed(string error)
    {
        Command<IAlignPropMessage>(_shards.Forward);
        Command<SteerRun>(_ => Sender.Tell(new SteerReply(false, $"the run has failed: {error}")));
    }

    /// <summary>Another coordinator leads: this one's actor system is about to end.</summary>
    private void Deposed(string by)
    {
        Command<IAlignPropMessage>(_shards.Forward);
        Command<SteerRun>(_ => Sender.Tell(new SteerReply(false, $"the coordinator at {by} leads now")));
    }

    /// <summary>In every state that goes on: devices speak to the dispatcher, people steer.</summary>
    private void Alive()
    {
        Command<IAlignPropMessage>(_shards.Forward);
        Command<SteerRun>(ask => Sender.Tell(_state.EndReason is { } reason
            ? IsOver(reason)
            : _setup.Steering.Ask(ask.What, _state.Step, waiting: false, _setup.Progress)));
    }

    private static SteerReply IsOver(string reason) => new(false, $"the run is over: {reason}");

    /// <summary>
    /// Takes the run over: of two coordinators that try, the journal lets one. Elected first, then read: until then another one
    /// may commit on, and delete what this one is about to load.
    /// </summary>
    private void Elect()
    {
        var leadership = _setup.Leadership;
        if (leadership.Failure is { } failure)
        {
            // Akka ends an actor whose journal fails, and its supervisor starts the next.
            Become(() => Failed(failure));
            return;
        }
        if (leadership.IsDeposed(_state.Coordinator))
        {
            var by = _state.Coordinator!.Host;
            Become(() => Deposed(by));
            _setup.Progress.Report(new RunSuperseded(by, leadership.Step));
            return;
        }
        var before = _state.Coordinator?.Host;
        Persist(new CoordinatorElected((_state.Coordinator?.Term ?? 0) + 1, leadership.Life, leadership.Host), elected =>
        {
            _state = _setup.Steering.Reopen(_state.Apply(elected));
            _resumed = _state.Created is not null;
            _setup.Progress.Report(new RunLed(elected.Term, elected.Host, before));
            leadership.Led = true;
            Become(Starting);
            var (state, setup) = (_state, _setup);
            Task.Run(() => Started.Prepare(state, setup)).PipeTo(Self);
        });
    }

    private void OnStarted(Started started)
    {
        if (started.Created is null)
        {
            Announce(started);
            return;
        }
        Persist(started.Created, created =>
        {
            _state = _state.Apply(created);
            Announce(started);
        });
    }

    private void Announce(Started started)
    {
        var planner = _setup.Planner;
        _setup.Leadership.Step = _state.Step;
        _behaviour = started.Behaviour;
        _setup.Progress.Report(new RunStarted(_setup.Run.Value, _state.Step, planner.StepsPerEpoch, planner.MaxSteps,
            planner.ShardsPerStep, (int)started.Trained.Weights.ParameterCount));
        if (started.Repair is not { } damage)
        {
            Next(started.Trained);
            return;
        }
        var text = $"computing step {_state.Step} again from the step before it: {damage}";
        _setup.Progress.Report(new RunNotice(text, NoticeKind.Repair));
        Become(() => Repairing(started.Trained, []));
        Order(planner.Train(_state.Step, _state)!, started.Trained);
    }

    private void Next(TrainedAdapter trained)
    {
        switch (NextMove.Of(_state, _setup.Config, _setup.Planner, _setup.Steering))
        {
            case NextMove.Over(var reason):
                End(reason);
                break;
            case NextMove.End(var reason):
                Persist(new RunEnded(_state.Step, reason), ended =>
                {
                    _state = _state.Apply(ended);
                    End(reason);
                });
                break;
            case NextMove.Pause:
                Become(() => Paused(trained));
                _setup.Progress.Report(new RunSteered(SteeringState.Paused, _state.Step, $"paused after step {_state.Step}"));
                break;
            case NextMove.Evaluate(var step):
                Become(() => Working(trained, []));
                Order(_setup.Planner.Evaluate(step), trained);
                break;
            case NextMove.Train(var step):
                if (_state.FirstOfBatch(step) == step)
                {
                    _behaviour = trained.Bytes;
                }
                Become(() => Working(trained, []));
                Order(_setup.Planner.Train(step, _state)!, trained);
                break;
        }
    }

    private void Order(IReadOnlyList<Shard> shards, TrainedAdapter trained)
    {
        var evaluation = shards[0].Task is ShardTask.Evaluate;
        if (shards[0].Round == 0)
        {
            _began = _setup.Clock.GetUtcNow();
        }
        var behaviour = shards[0].Task.OwnSamples ? _behaviour : null;
        _setup.Steering.Begins(shards[0].Step, evaluation);
        var leases = new LeaseTable(shards, _setup.Leases, $"{_setup.Leadership.Life}-{_state.Coordinator!.Term}");
        var work = RoundWork.Of(shards, new RoundSetting(
            trained.Weights, BlobRef.Of(trained.Bytes), leases, _began, RewardLabels.Of(_setup.Config, evaluation),
            behaviour is null ? null : BlobRef.Of(behaviour)));
        _shards.Tell(new ComputeShards(work, trained.Bytes, _resumed, _trace.Round(shards[0]), behaviour));
    }

    /// <summary>A round is done: the method's next one begins, or what all of them gave is computed beside the actor.</summary>
    /// <param name="again">The state for another round.</param>
    /// <param name="committing">The state after the last one.</param>
    private void OnRound(RoundWork work, TrainedAdapter trained, ImmutableList<RoundResult> done,
        Action<TrainedAdapter, ImmutableList<RoundResult>> again, Action committing)
    {
        var rounds = done.Add(new RoundResult(work.Rewards, work.Terms));
        if (work is not EvaluationRound && _setup.Planner.Train(work.Step, _state, rounds) is { } next)
        {
            Become(() => again(trained, rounds));
            Order(next, trained);
            return;
        }
        _trace.Commit(_setup.Run, work.Step);
        Become(committing);
        var (setup, term) = (_setup, _state.Coordinator!.Term);
        // A step that did not score works on the samples of its batch's first one.
        var scored = rounds.LastOrDefault(r => r.Rewards.Count > 0)
            ?? _state.Steps[_state.FirstOfBatch(work.Step) - 1].Scored;
        Task.Run<object>(() => work is EvaluationRound evaluation
            ? EvaluationSummary.Of(evaluation, setup.Planner.EvaluationSamples())
            : StepComputed.Of(setup, term, (GradientRound)work, trained, scored.Rewards, scored.Terms)).PipeTo(Self);
    }

    private void OnEvaluated(EvaluationFinished done, TrainedAdapter trained)
    {
        var recorded = new EvaluationRecorded(done.Step, done.RewardMean, done.RewardStd, done.Diversity, done.Terms ?? []);
        if (RunProof.Unchanged(_setup.Config, [.. _state.Evaluations, recorded]) is { } unchanged)
        {
            Fail(unchanged);
            return;
        }
        Persist(recorded, e =>
        {
            _trace.End();
            _state = _state.Apply(e);
            _setup.Progress.Report(done with { Epoch = EpochOf(e.Step), Best = _state.Best(_setup.Config) });
            Next(trained);
        });
    }

    private void OnStepComputed(StepComputed computed) => Persist(computed.Event, e =>
    {
        _trace.End();
        _state = _state.Apply(e);
        _setup.Leadership.Step = e.Step;
        _setup.Progress.Report(new StepCommitted(e.Step, EpochOf(e.Step), e.RewardMean, e.RewardStd, e.Loss, e.GradNorm,
            e.Truncations, e.AdapterHash.Value, e.Seconds, e.Terms));
        DeleteSuperseded();
        Next(computed.Trained);
    });

    private void DeleteSuperseded()
    {
        var (store, old, log) = (_setup.Store, _state.Superseded, _log);
        Task.Run(() => store.Delete(old)).ContinueWith(
            t => log.Warning("old adapters could not be deleted: {0}", t.Exception!.GetBaseException().Message),
            TaskContinuationOptions.OnlyOnFaulted);
    }

    /// <summary>A committed step computed again must come out as the journal says; its blobs are whole again.</summary>
    private void OnRepaired(StepComputed computed)
    {
        if (computed.Event.AdapterHash != _state.Adapter || computed.Event.MomentsHash != _state.Moments)
        {
            Fail($"step {_state.Step} computed again has adapter {computed.Event.AdapterHash}, the journal {_state.Adapter}: "
                + "the model's files, the prompts or the kind of device are not those of the run");
            return;
        }
        _trace.End();
        _setup.Progress.Report(new RunNotice($"step {_state.Step} is whole again, with the same hash", NoticeKind.Repair));
        Next(computed.Trained);
    }

    /// <summary>Work beside the actor failed: a store that is away is waited for, anything else ends the run.</summary>
    private void OnFailure(Status.Failure failure)
    {
        // A broken connection is a DbException around an IOException.
        if (Causes(failure.Cause).Any(e => e is DbException or TimeoutException or SocketException))
        {
            OnJournal("reached", failure.Cause);
            Context.Stop(Self);
            return;
        }
        Fail(failure.Cause.GetBaseException().Message, damaged: failure.Cause.GetBaseException() is InvalidDataException);
    }

    private static IEnumerable<Exception> Causes(Exception? cause)
    {
        for (; cause is not null; cause = cause.InnerException)
        {
            yield return cause;
        }
    }

    private int EpochOf(int step) => (step + _setup.Planner.StepsPerEpoch - 1) / _setup.Planner.StepsPerEpoch;

    private void ReportAway(string what, string why)
    {
        var text = $"paused at step {_state.Step}: the journal cannot be {what} ({why}); trying again";
        _setup.Progress.Report(new RunNotice(text, NoticeKind.JournalAway));
    }

    private void End(string reason)
    {
        Become(() => Over(reason));
        _shards.Tell(new FinishRun(new RunOver(reason)));
        _setup.Progress.Report(new RunStopped(_setup.Run.Value, _state.Step, reason, _state.Adapter.Value));
    }

    private void Fail(string error, bool damaged = false)
    {
        _setup.Leadership.Failure = error;
        _trace.End(error);
        Become(() => Failed(error));
        _shards.Tell(new Dismiss());
        _setup.Progress.Report(new RunFailed(_setup.Run.Value, _state.Step, error, damaged));
    }

    private sealed record Begin : INoSerializationVerificationNeeded
    {
        public static Begin Instance { get; } = new();
    }
}
