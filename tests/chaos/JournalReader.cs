using System.Data.Common;
using AlignProp.Messages.Protocol;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace AlignProp.Chaos;

/// <summary>A committed step as the journal has it.</summary>
internal sealed record Commit(long SequenceNumber, int Term, int Step, string Adapter);

/// <summary>Reads the committed steps out of a journal, past everything that wrote it.</summary>
internal static class JournalReader
{
    private const string Query =
        "SELECT sequence_number, message FROM journal WHERE manifest = 'e-step' AND persistence_id = $id ORDER BY ordering";

    public static IReadOnlyList<Commit> Sqlite(string file, string run)
    {
        using var connection = new SqliteConnection($"Data Source={file};Mode=ReadOnly");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = Query;
        command.Parameters.AddWithValue("$id", $"run-{run}");
        return Read(command);
    }

    public static IReadOnlyList<Commit> Postgres(string connectionString, string run)
    {
        using var source = NpgsqlDataSource.Create(connectionString);
        using var command = source.CreateCommand(Query.Replace("$id", "$1", StringComparison.Ordinal));
        command.Parameters.Add(new NpgsqlParameter { Value = $"run-{run}" });
        return Read(command);
    }

    private static List<Commit> Read(DbCommand command)
    {
        var commits = new List<Commit>();
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            var step = StepCommitted.Parser.ParseFrom((byte[])reader.GetValue(1));
            commits.Add(new Commit(Convert.ToInt64(reader.GetValue(0)), step.Term, step.Step, step.AdapterHash));
        }
        return commits;
    }
}
