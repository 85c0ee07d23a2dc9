using System.Buffers.Binary;
using AlignProp.Messages;
using Microsoft.Data.Sqlite;

namespace AlignProp.Coordinator.Storage;

/// <summary>A run's journal in its folder, read strictly: what a report would leave out is damage here.</summary>
/// <param name="Events">Those before the damage.</param>
/// <param name="Damage">File and what is wrong with it, or null.</param>
public sealed record JournalCheck(IReadOnlyList<IRunEvent> Events, string? Damage)
{
    /// <summary>There is a journal, in whatever state.</summary>
    public bool IsThere { get; private init; } = true;

    private const uint WalMagic = 0x377f0682;
    private const string NoEvent = "holds no event of the run";

    /// <summary>Nobody else may be writing it.</summary>
    public static JournalCheck Of(RunDirectory directory)
    {
        var name = Path.GetFileName(directory.Journal);
        if (new FileInfo(directory.Journal) is { Exists: false } or { Length: 0 })
        {
            return new JournalCheck([], File.Exists(directory.Journal) ? $"{name} is empty" : $"{name} is missing")
            {
                IsThere = false
            };
        }
        List<IRunEvent> events = [];
        try
        {
            using var connection = Open(directory.Journal);
            var damage = Quick(connection, name) ?? Read(connection, directory, events);
            return new JournalCheck(events, damage ?? Wal(directory.Journal)) { IsThere = damage is null || Told(damage) };
        }
        catch (Exception e) when (e is SqliteException or InvalidCastException or InvalidOperationException
            or System.Runtime.Serialization.SerializationException)
        {
            var fault = JournalFault.Of(e);
            return new JournalCheck(events, fault.Kind == JournalFaultKind.Refused ? $"{name} cannot be opened ({fault.Why})"
                : $"{name} is damaged ({fault.Why})");
        }
    }

    /// <summary>The same for the file of snapshots, which holds nothing that the journal does not.</summary>
    public static string? Snapshots(RunDirectory directory)
    {
        var name = Path.GetFileName(directory.Snapshots);
        if (new FileInfo(directory.Snapshots) is { Exists: false } or { Length: 0 })
        {
            return null;
        }
        try
        {
            using var connection = Open(directory.Snapshots);
            return Quick(connection, name) ?? Wal(directory.Snapshots);
        }
        catch (SqliteException e)
        {
            return $"{name} is damaged ({JournalFault.Of(e).Why})";
        }
    }

    /// <summary>Not read-only: what a crash left half-written is rolled back by whoever opens the file.</summary>
    private static SqliteConnection Open(string path)
    {
        var connection = new SqliteConnection($"Data Source={path};Mode=ReadWrite;Pooling=False");
        connection.Open();
        return connection;
    }

    private static string? Quick(SqliteConnection connection, string name)
    {
        using var command = connection.CreateCommand();
        command.CommandText = "PRAGMA quick_check(1)";
        return command.ExecuteScalar() as string is { } found and not "ok"
            ? $"{name} is damaged ({found.Split('\n')[^1].Trim()})" : null;
    }

    /// <summary>Tables that nothing was written into yet are as good as none.</summary>
    private static bool Told(string damage) => !damage.Contains(NoEvent, StringComparison.Ordinal);

    private static string? Read(SqliteConnection connection, RunDirectory directory, List<IRunEvent> events)
    {
        using var command = connection.CreateCommand();
        command.CommandText =
            "SELECT sequence_number, message, manifest FROM journal WHERE persistence_id = $id ORDER BY sequence_number";
        command.Parameters.AddWithValue("$id", RunJournal.IdOf(new RunId(directory.Id)));
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            if (reader.GetInt64(0) != events.Count + 1)
            {
                return $"{Path.GetFileName(directory.Journal)} is damaged (event {events.Count + 1} is not there)";
            }
            events.Add((IRunEvent)AlignPropSerializer.Read((byte[])reader.GetValue(1), reader.GetString(2)));
        }
        return events.Count > 0 ? null
            : $"{Path.GetFileName(directory.Journal)} {NoEvent} {directory.Id}";
    }

    /// <summary>SQLite skips a write-ahead log it cannot read, and with it every commit in it, without a word.</summary>
    private static string? Wal(string database)
    {
        var path = database + "-wal";
        if (new FileInfo(path) is { Exists: false } or { Length: 0 })
        {
            return null;
        }
        Span<byte> head = stackalloc byte[4];
        using var file = File.OpenRead(path);
        return file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false) == head.Length
            && (BinaryPrimitives.ReadUInt32BigEndian(head) & ~1u) == WalMagic ? null
            : $"{Path.GetFileName(path)} is damaged (no write-ahead log)";
    }
}
