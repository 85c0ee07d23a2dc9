using System.Collections.Immutable;
using AlignProp.Messages;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace AlignProp.Coordinator.Storage;

/// <summary>An event of a run's journal and when it was written.</summary>
public sealed record JournalEntry(DateTimeOffset Time, IRunEvent Event);

/// <summary>A run's journal in its folder, read from outside: for reports. A run in a database has none there.</summary>
public static class RunJournal
{
    /// <summary>What Akka.Persistence calls the run.</summary>
    public static string IdOf(RunId run) => $"run-{run}";

    /// <summary>
    /// All events in order; empty where there is no journal, or it cannot be read: a report does not depend on it.
    /// </summary>
    public static IReadOnlyList<JournalEntry> Read(RunDirectory directory)
    {
        if (!File.Exists(directory.Journal))
        {
            return [];
        }
        try
        {
            using var connection = new SqliteConnection($"Data Source={directory.Journal};Mode=ReadOnly;Pooling=False");
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = "SELECT created, message, manifest FROM journal WHERE persistence_id = $id ORDER BY ordering";
            command.Parameters.AddWithValue("$id", IdOf(new RunId(directory.Id)));
            using var reader = command.ExecuteReader();
            var entries = ImmutableList.CreateBuilder<JournalEntry>();
            while (reader.Read())
            {
                if (AlignPropSerializer.Read((byte[])reader.GetValue(1), reader.GetString(2)) is IRunEvent e)
                {
                    entries.Add(new JournalEntry(new DateTimeOffset(reader.GetInt64(0), TimeSpan.Zero), e));
                }
            }
            return entries.ToImmutable();
        }
        catch (Exception e) when (
            e is SqliteException or System.Runtime.Serialization.SerializationException or InvalidCastException)
        {
            return [];
        }
    }

    /// <summary>All events of a run in a PostgreSQL database, in order; empty where it has no journal yet.</summary>
    public static IReadOnlyList<JournalEntry> Read(string connectionString, string run)
    {
        using var source = NpgsqlDataSource.Create(connectionString);
        using var command = source.CreateCommand(
            "SELECT created, message, manifest FROM journal WHERE persistence_id = $1 ORDER BY sequence_number");
        command.Parameters.Add(new NpgsqlParameter { Value = IdOf(new RunId(run)) });
        var entries = ImmutableList.CreateBuilder<JournalEntry>();
        try
        {
            using var reader = command.ExecuteReader();
            while (reader.Read())
            {
                if (AlignPropSerializer.Read((byte[])reader.GetValue(1), reader.GetString(2)) is IRunEvent e)
                {
                    entries.Add(new JournalEntry(new DateTimeOffset(reader.GetInt64(0), TimeSpan.Zero), e));
                }
            }
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.UndefinedTable)
        {
            // The first run has not begun.
        }
        return entries.ToImmutable();
    }
}
