using AlignProp.Messages;
using Npgsql;

namespace AlignProp.Coordinator.Storage;

/// <summary>
/// The sign of life of whoever leads a run, in the run's database. A step may take longer than a standby's patience: one that
/// reaches no other coordinator, but the database, sees here that somebody leads. Who may commit is not decided here but by the
/// journal's unique key.
/// </summary>
public sealed class LeaderSign(string connectionString, RunId run) : IDisposable
{
    private const string Create =
        "CREATE TABLE IF NOT EXISTS alignprop_leaders (run text PRIMARY KEY, leader text NOT NULL, beats bigint NOT NULL)";

    private readonly Lazy<NpgsqlDataSource> _source = new(() => DatabaseTables.Open(connectionString, Create),
        LazyThreadSafetyMode.PublicationOnly);

    /// <summary>The leader lives.</summary>
    /// <exception cref="NpgsqlException">The database is away.</exception>
    public void Beat(string leader)
    {
        using var command = _source.Value.CreateCommand(
            "INSERT INTO alignprop_leaders AS known (run, leader, beats) VALUES ($1, $2, 1) ON CONFLICT (run) DO UPDATE SET "
                + "leader = excluded.leader, beats = known.beats + 1");
        command.Parameters.Add(new NpgsqlParameter { Value = run.Value });
        command.Parameters.Add(new NpgsqlParameter { Value = leader });
        command.ExecuteNonQuery();
    }

    /// <summary>What the run's leader last did: two equal answers mean that nobody leads.</summary>
    /// <exception cref="NpgsqlException">The database is away.</exception>
    public (long Event, long Beat) Last()
    {
        using var command = _source.Value.CreateCommand(
            "SELECT (SELECT coalesce(max(sequence_number), 0) FROM journal WHERE persistence_id = $1), (SELECT "
                + "coalesce(max(beats), 0) FROM alignprop_leaders WHERE run = $2)");
        command.Parameters.Add(new NpgsqlParameter { Value = RunJournal.IdOf(run) });
        command.Parameters.Add(new NpgsqlParameter { Value = run.Value });
        using var reader = command.ExecuteReader();
        reader.Read();
        return (reader.GetInt64(0), reader.GetInt64(1));
    }

    public void Dispose()
    {
        if (_source.IsValueCreated)
        {
            _source.Value.Dispose();
        }
    }
}
