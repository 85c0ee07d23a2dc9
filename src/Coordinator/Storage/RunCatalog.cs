using AlignProp.Messages.Configuration;
using Npgsql;

namespace AlignProp.Coordinator.Storage;

/// <summary>
/// A run as its database describes it to a coordinator that has nothing of it: the resolved run file and the prompts.
/// </summary>
public sealed record CatalogedRun(string Config, IReadOnlyList<string> Training, IReadOnlyList<string> HeldOut);

/// <summary>The runs of a PostgreSQL database.</summary>
public static class RunCatalog
{
    private const string Create =
        "CREATE TABLE IF NOT EXISTS alignprop_runs (id text PRIMARY KEY, config text NOT NULL, training text[] NOT NULL, "
        + "held_out text[] NOT NULL, created timestamptz NOT NULL DEFAULT now())";

    public static void Add(string connectionString, string id, CatalogedRun run)
    {
        using var source = DatabaseTables.Open(connectionString, Create);
        using var command = source.CreateCommand(
            "INSERT INTO alignprop_runs (id, config, training, held_out) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING");
        command.Parameters.Add(new NpgsqlParameter { Value = id });
        command.Parameters.Add(new NpgsqlParameter { Value = run.Config });
        command.Parameters.Add(new NpgsqlParameter { Value = run.Training.ToArray() });
        command.Parameters.Add(new NpgsqlParameter { Value = run.HeldOut.ToArray() });
        command.ExecuteNonQuery();
    }

    public static bool Contains(string connectionString, string id)
    {
        using var source = DatabaseTables.Open(connectionString, Create);
        using var command = source.CreateCommand("SELECT count(*) FROM alignprop_runs WHERE id = $1");
        command.Parameters.Add(new NpgsqlParameter { Value = id });
        return (long)command.ExecuteScalar()! > 0;
    }

    /// <summary>Every run, oldest first, with its last committed step; running, ended or interrupted.</summary>
    public static IReadOnlyList<(string Id, DateTime Created, int Step, string State)> All(string connectionString)
    {
        using var source = DatabaseTables.Open(connectionString, Create);
        var runs = new List<(string, DateTime)>();
        using (var command = source.CreateCommand("SELECT id, created FROM alignprop_runs ORDER BY created"))
        using (var reader = command.ExecuteReader())
        {
            while (reader.Read())
            {
                runs.Add((reader.GetString(0), reader.GetDateTime(1).ToLocalTime()));
            }
        }
        return [.. runs.Select(r => Row(connectionString, r.Item1, r.Item2))];
    }

    private static (string, DateTime, int, string) Row(string connectionString, string id, DateTime created)
    {
        using var sign = new LeaderSign(connectionString, new Messages.RunId(id));
        var events = RunJournal.Read(connectionString, id).Select(e => e.Event).ToList();
        var state = sign.Leads() is not null ? "running" : events.LastOrDefault() is Messages.RunEnded ? "ended" : "interrupted";
        return (id, created, events.OfType<Messages.StepCommittedEvent>().LastOrDefault()?.Step ?? 0, state);
    }

    /// <exception cref="ConfigException">The database has no such run.</exception>
    public static CatalogedRun Find(string connectionString, string id)
    {
        using var source = DatabaseTables.Open(connectionString, Create);
        using var command = source.CreateCommand("SELECT config, training, held_out FROM alignprop_runs WHERE id = $1");
        command.Parameters.Add(new NpgsqlParameter { Value = id });
        using var reader = command.ExecuteReader();
        return reader.Read()
            ? new CatalogedRun(reader.GetString(0), reader.GetFieldValue<string[]>(1), reader.GetFieldValue<string[]>(2))
            : throw new ConfigException($"{id}: no such run in the database; start one with: alignprop train --database ...");
    }
}
