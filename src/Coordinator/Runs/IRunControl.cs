namespace AlignProp.Coordinator.Runs;

/// <summary>What people may ask of a run that is led by this process.</summary>
public interface IRunControl
{
    /// <summary>Whether this process is in the cluster.</summary>
    bool IsJoined { get; }

    /// <exception cref="Akka.Actor.AskTimeoutException">
    /// Nobody answers: the run's actor waits for its journal, or leads elsewhere.
    /// </exception>
    Task<SteerReply> SteerAsync(Steer what);

    /// <inheritdoc cref="SteerAsync"/>
    Task<SteerReply> DrainAsync(string node);

    /// <summary>Starts those nodes of this machine again that have ended.</summary>
    SteerReply StartNodes();
}
