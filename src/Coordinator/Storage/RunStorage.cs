using AlignProp.Messages;
using AlignProp.Messages.Configuration;
using Npgsql;

namespace AlignProp.Coordinator.Storage;

/// <summary>
/// Where a run's journal and blobs are: two SQLite files and a directory in the run's folder, or one PostgreSQL database, so that
/// a standby on another machine needs no shared disk. One value decides.
/// </summary>
/// <param name="Database">An Npgsql connection string, or null for the run's folder.</param>
public sealed record RunStorage(string? Database)
{
    public const string Variable = "ALIGNPROP_DATABASE";

    /// <summary>The option, else the environment variable, else the run's folder.</summary>
    public static RunStorage From(string? option) =>
        new(option ?? (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } text ? text : null));

    /// <exception cref="ConfigException">The connection string is not one, or nobody answers there.</exception>
    public void Check()
    {
        if (Database is null)
        {
            return;
        }
        try
        {
            using var connection = new NpgsqlConnection(Database);
            connection.Open();
        }
        catch (Exception e) when (
            e is NpgsqlException or ArgumentException or System.Net.Sockets.SocketException or TimeoutException)
        {
            // The connection string may hold a password: it is not repeated.
            throw new ConfigException(
                $"--database ({Variable}): cannot connect ({e.Message.Split('\n')[0]}); expected e.g. "
                + $"Host=db;Port=5432;Database=alignprop;Username=alignprop");
        }
    }

    /// <summary>Null in the run's folder, which no other machine sees.</summary>
    public LeaderSign? Sign(RunId run) => Database is null ? null : new LeaderSign(Database, run);

    public IAdapterStore Blobs(RunDirectory directory) => Database is null ? new DirectoryAdapterStore(directory.Blobs)
        : new DatabaseAdapterStore(Database);

    /// <summary>What Akka.Persistence.Sql is told.</summary>
    public string Hocon(RunDirectory directory)
    {
        var (provider, journal, snapshots) = Database is null
            ? ("SQLite.MS", $"Data Source={directory.Journal}", $"Data Source={directory.Snapshots}")
            : ("PostgreSQL.15", Database, Database);
        return $$"""
            akka.persistence.journal.sql { provider-name = "{{provider}}", connection-string = "{{Escape(journal)}}" }
            akka.persistence.snapshot-store.sql { provider-name = "{{provider}}", connection-string = "{{Escape(snapshots)}}" }
            """;
    }

    private static string Escape(string text) => text.Replace("\\", "\\\\", StringComparison.Ordinal)
        .Replace("\"", "\\\"", StringComparison.Ordinal);
}
