using System.Collections.Concurrent;
using System.Collections.Immutable;
using Akka.Actor;
using Akka.Configuration;
using Akka.Persistence;
using Akka.Persistence.Journal;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Tests.Runs.Actors;

/// <summary>
/// A run's journal in memory, with what a database does besides: it refuses a number twice, may be away, refuse an event, or
/// keep a writer waiting. Outlives the actors that write it.
/// </summary>
public sealed class EventLog : IDisposable
{
    private static readonly ConcurrentDictionary<string, EventLog> All = [];

    private readonly string _id = Guid.NewGuid().ToString("N");
    private readonly Lock _lock = new();
    private ImmutableList<IRunEvent> _events = [];

    public EventLog() => All[_id] = this;

    /// <summary>Configuration of an actor system whose journal this is.</summary>
    public string Hocon => $$"""
        akka.persistence.journal.plugin = "akka.persistence.journal.log"
        akka.persistence.journal.log {
          class = "{{typeof(LogJournal).AssemblyQualifiedName}}"
          log = "{{_id}}"
          circuit-breaker { max-failures = 1000 }
        }
        """;

    public IReadOnlyList<IRunEvent> Events
    {
        get
        {
            lock (_lock)
            {
                return _events;
            }
        }
    }

    /// <summary>Every write fails, as with a database that is away.</summary>
    public bool WritesFail { get; set; }

    /// <summary>Every write of this kind is refused, as one that cannot be serialized.</summary>
    public Type? Rejects { get; set; }

    /// <summary>Nothing can be read.</summary>
    public Exception? ReadsFail { get; set; }

    /// <summary>Writes wait for it.</summary>
    public Task Gate { get; set; } = Task.CompletedTask;

    /// <summary>Another coordinator's event.</summary>
    public void Add(IRunEvent e)
    {
        lock (_lock)
        {
            _events = _events.Add(e);
        }
    }

    public void Dispose() => All.TryRemove(_id, out _);

    private void Write(IPersistentRepresentation message)
    {
        lock (_lock)
        {
            if (message.SequenceNr != _events.Count + 1)
            {
                throw new InvalidOperationException($"UNIQUE constraint failed: journal.sequence_number {message.SequenceNr}");
            }
            _events = _events.Add((IRunEvent)message.Payload);
        }
    }

    private sealed class LogJournal(Config config) : AsyncWriteJournal
    {
        private readonly EventLog _log = All[config.GetString("log")];

        protected override async Task<IImmutableList<Exception?>> WriteMessagesAsync(
            IEnumerable<AtomicWrite> messages, CancellationToken cancellationToken)
        {
            await _log.Gate;
            if (_log.WritesFail)
            {
                throw new TimeoutException("the database does not answer");
            }
            return [.. messages.Select(m => (IImmutableList<IPersistentRepresentation>)m.Payload).Select(m => Write(m.Single()))];
        }

        private Exception? Write(IPersistentRepresentation message)
        {
            if (message.Payload.GetType() == _log.Rejects)
            {
                return new NotSupportedException($"{message.Payload.GetType().Name} cannot be written");
            }
            _log.Write(message);
            return null;
        }

        public override Task<long> ReadHighestSequenceNrAsync(
            string persistenceId, long fromSequenceNr, CancellationToken cancellationToken) =>
            _log.ReadsFail is { } failure ? Task.FromException<long>(failure) : Task.FromResult((long)_log.Events.Count);

        public override Task ReplayMessagesAsync(IActorContext context, string persistenceId, long fromSequenceNr,
            long toSequenceNr, long max, Action<IPersistentRepresentation> recoveryCallback)
        {
            foreach (var (e, i) in _log.Events.Select((e, i) => (e, i)))
            {
                recoveryCallback(new Persistent(e, i + 1, persistenceId, sender: ActorRefs.NoSender));
            }
            return Task.CompletedTask;
        }

        protected override Task DeleteMessagesToAsync(
            string persistenceId, long toSequenceNr, CancellationToken cancellationToken) =>
            Task.CompletedTask;
    }
}
