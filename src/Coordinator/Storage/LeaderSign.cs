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
        "CREATE TABLE IF NOT EXISTS alignprop_leaders (run text PRIMARY KEY, leader text NOT NULL, beats bigint NOT NULL); "
        + "ALTER TABLE alignprop_leaders ADD COLUMN IF NOT EXISTS since timestamptz, ADD COLUMN IF NOT EXISTS seen timestamptz";

    // A sign is given every 5 s (alignprop.coordinator.sign-of-life).
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(15);

    private readonly Lazy<NpgsqlDataSource> _source = new(() => DatabaseTables.Open(connectionString, Create),
        LazyThreadSafetyMode.PublicationOnly);

    /// <summary>The leader lives.</summary>
    /// <exception cref="NpgsqlException">The database is away.</exception>
    public void Beat(string leader)
    {
        using var command = _source.Value.CreateCommand(
            "INSERT INTO alignprop_leaders AS known (run, leader, beats, since, seen) VALUES ($1, $2, 1, now(), now()) "
                + "ON CONFLICT (run) DO UPDATE SET leader = excluded.leader, beats = known.beats + 1, seen = now(), "
                + "since = CASE WHEN known.leader = excluded.leader THEN coalesce(known.since, now()) ELSE now() END");
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

    /// <summary>
    /// Who has given a sign of life in the last seconds, by the database's clock, and since when it leads; or null.
    /// </summary>
    /// <exception cref="NpgsqlException">The database is away.</exception>
    public (string Leader, DateTime Since, long Beat)? Leads()
    {
        using var command = _source.Value.CreateCommand(
            "SELECT leader, since, beats FROM alignprop_leaders WHERE run = $1 AND seen > now() - make_interval(secs => $2)");
        command.Parameters.Add(new NpgsqlParameter { Value = run.Value });
        command.Parameters.Add(new NpgsqlParameter { Value = Fresh.TotalSeconds });
        using var reader = command.ExecuteReader();
        return reader.Read() ? (reader.GetString(0), reader.GetDateTime(1).ToLocalTime(), reader.GetInt64(2)) : null;
    }

    /// <summary>
    /// Who leads: one that gives another sign of life while it is waited for. One that was killed a moment ago gives none.
    /// </summary>
    /// <exception cref="NpgsqlException">The database is away.</exception>
    public async Task<(string Leader, DateTime Since)?> StillLeadsAsync(CancellationToken cancellation)
    {
        var first = Leads();
        for (var now = first; first is not null && now is not null; now = Leads())
        {
            if (now.Value.Beat != first.Value.Beat)
            {
                return (now.Value.Leader, now.Value.Since);
            }
            await Task.Delay(TimeSpan.FromSeconds(1), cancellation);
        }
        return null;
    }

    public void Dispose()
    {
        if (_source.IsValueCreated)
        {
            _source.Value.Dispose();
        }
    }
}
