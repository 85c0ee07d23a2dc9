namespace AlignProp.Coordinator.Runs;

public enum Steer { Pause, Continue, Stop }

/// <summary>
/// From the console or the dashboard to the run's actor, in its own process; answered by <see cref="SteerReply"/>.
/// </summary>
public sealed record SteerRun(Steer What) : Akka.Actor.INoSerializationVerificationNeeded;

public sealed record SteerReply(bool Ok, string Detail) : Akka.Actor.INoSerializationVerificationNeeded;

/// <summary>
/// What people asked of a run. A pause lets the step (or evaluation) in work finish and commit, then nothing new begins; a stop
/// lets it finish, evaluates the adapter, and ends the run in the journal. Kept beside the actor, which its supervisor may start
/// again; touched by the actor only. A pause is not in the journal: a run that is resumed, or taken over by a standby, goes on.
/// </summary>
/// <param name="reopen">A run that was stopped goes on: what <c>resume</c> asks for.</param>
public sealed class RunSteering(bool reopen = false)
{
    public const string Stopped = "stopped by user";

    private bool _pausing;
    private string? _work;

    /// <summary>Why the run is to end, or null.</summary>
    public string? StopReason { get; private set; }

    private bool Stopping => StopReason is not null;

    /// <summary>Nothing new is to begin.</summary>
    public bool Holds => _pausing && !Stopping;

    /// <summary>The actor starts, perhaps again: the state to go on from. A stop ends a run until it is resumed.</summary>
    public RunState Reopen(RunState state) =>
        reopen && !Stopping && state.EndReason == Stopped ? state with { EndReason = null } : state;

    /// <summary>What is in work from now on.</summary>
    public void Begins(int step, bool evaluation) => _work = evaluation ? $"the evaluation of step {step}" : $"step {step}";

    /// <param name="step">The last committed step.</param>
    /// <param name="waiting">Nothing is in work, because of a pause.</param>
    public SteerReply Ask(Steer what, int step, bool waiting, IProgress<RunProgress> progress)
    {
        var current = _work ?? "what is in work";
        switch (what)
        {
            case Steer.Pause when Stopping:
                return new SteerReply(false, "the run is stopping; nothing to pause");
            case Steer.Pause when _pausing:
                return new SteerReply(true, waiting ? $"paused already, after step {step}" : $"pauses after {current} already");
            case Steer.Pause:
                _pausing = true;
                return Said(SteeringState.Pausing, $"pauses when {current} is committed");
            case Steer.Continue when Stopping:
                return new SteerReply(false, "the run is stopping; when it has ended, alignprop resume goes on");
            case Steer.Continue when !_pausing:
                return new SteerReply(true, "not paused; the run goes on");
            case Steer.Continue:
                _pausing = false;
                return Said(SteeringState.Free, $"goes on after step {step}");
            case Steer.Stop when Stopping:
                return new SteerReply(true, "stopping already");
            case Steer.Stop:
                var when = waiting ? "now" : $"when {current} is committed";
                StopReason = Stopped;
                return Said(SteeringState.Stopping, $"stops {when}, with an evaluation; alignprop resume goes on later");
            default:
                throw new ArgumentOutOfRangeException(nameof(what), what, null);
        }

        SteerReply Said(SteeringState state, string text)
        {
            progress.Report(new RunSteered(state, step, text));
            return new SteerReply(true, text);
        }
    }
}
