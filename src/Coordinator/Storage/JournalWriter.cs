using Akka.Actor;
using Akka.Configuration;
using Akka.Persistence;
using Akka.Persistence.Sql;
using AlignProp.Clustering;
using AlignProp.Messages;
using Microsoft.Data.Sqlite;

namespace AlignProp.Coordinator.Storage;

/// <summary>Writes a run's journal anew from events that are known, as the run's actor would have.</summary>
public static class JournalWriter
{
    /// <param name="directory">Has no journal yet.</param>
    public static async Task WriteAsync(RunDirectory directory, RunId run, IReadOnlyList<IRunEvent> events)
    {
        Directory.CreateDirectory(directory.Folder);
        var hocon = "akka.actor.provider = local\n" + new RunStorage(null).Hocon(directory);
        var config = HoconLayers.For("coordinator", hocon).WithFallback(SqlPersistence.DefaultConfiguration);
        var written = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var system = ActorSystem.Create("journal", config);
        try
        {
            system.ActorOf(Props.Create(() => new Scribe(RunJournal.IdOf(run), events, written)));
            await written.Task;
        }
        finally
        {
            await system.Terminate();
            // The file is moved next: no pooled connection may hold it.
            SqliteConnection.ClearAllPools();
        }
    }

    private sealed class Scribe : ReceivePersistentActor
    {
        private readonly TaskCompletionSource _written;

        public Scribe(string id, IReadOnlyList<IRunEvent> events, TaskCompletionSource written)
        {
            (PersistenceId, _written) = (id, written);
            var left = events.Count;
            Recover<IRunEvent>(_ => written.TrySetException(new InvalidDataException($"{id}: the journal is not empty")));
            Recover<RecoveryCompleted>(_ => PersistAll(events, _ =>
            {
                if (--left == 0)
                {
                    written.TrySetResult();
                }
            }));
        }

        public override string PersistenceId { get; }

        protected override void OnPersistFailure(Exception cause, object @event, long sequenceNr) =>
            _written.TrySetException(cause);

        protected override void OnPersistRejected(Exception cause, object @event, long sequenceNr) =>
            _written.TrySetException(cause);

        protected override void OnRecoveryFailure(Exception reason, object? message = null) =>
            _written.TrySetException(reason);
    }
}
