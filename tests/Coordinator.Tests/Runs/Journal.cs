using AlignProp.Coordinator.Storage;
using AlignProp.Messages;
using Microsoft.Data.Sqlite;

namespace AlignProp.Coordinator.Tests.Runs;

/// <summary>A run's journal as it lies on the disk.</summary>
internal static class Journal
{
    /// <summary>Every event with its number, oldest first.</summary>
    public static async Task<IReadOnlyList<(long Number, IRunEvent Event)>> ReadAsync(RunDirectory directory)
    {
        await using var connection = new SqliteConnection($"Data Source={directory.Journal};Mode=ReadOnly;Pooling=False");
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText =
            "SELECT sequence_number, message, manifest FROM journal WHERE persistence_id = $id ORDER BY ordering";
        command.Parameters.AddWithValue("$id", $"run-{directory.Id}");
        await using var reader = await command.ExecuteReaderAsync();
        List<(long, IRunEvent)> events = [];
        while (await reader.ReadAsync())
        {
            events.Add((reader.GetInt64(0), (IRunEvent)AlignPropSerializer.Read((byte[])reader[1], reader.GetString(2))));
        }
        return events;
    }
}
