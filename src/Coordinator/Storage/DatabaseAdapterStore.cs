using AlignProp.Messages;
using Npgsql;

namespace AlignProp.Coordinator.Storage;

/// <summary>
/// Blobs as rows of a PostgreSQL table beside the journal. A row is written in one transaction: it is whole, or not there.
/// </summary>
public sealed class DatabaseAdapterStore(string connectionString) : IAdapterStore
{
    private const string Create =
        "CREATE TABLE IF NOT EXISTS alignprop_blobs (hash text PRIMARY KEY, bytes bytea NOT NULL, created timestamptz NOT NULL "
        + "DEFAULT now())";

    // A database that is away at the first use must not be away for ever: the failure is not kept.
    private readonly Lazy<NpgsqlDataSource> _source = new(() => DatabaseTables.Open(connectionString, Create),
        LazyThreadSafetyMode.PublicationOnly);

    public BlobRef Put(byte[] bytes)
    {
        var blob = BlobRef.Of(bytes);
        // A damaged row of that name would be kept by DO NOTHING.
        using var command = _source.Value.CreateCommand(
            "INSERT INTO alignprop_blobs (hash, bytes) VALUES ($1, $2) ON CONFLICT (hash) DO UPDATE SET bytes = excluded.bytes");
        command.Parameters.Add(new NpgsqlParameter { Value = blob.Hash.Value });
        command.Parameters.Add(new NpgsqlParameter { Value = bytes });
        command.ExecuteNonQuery();
        return blob;
    }

    public byte[] Get(BlobHash hash)
    {
        using var command = _source.Value.CreateCommand("SELECT bytes FROM alignprop_blobs WHERE hash = $1");
        command.Parameters.Add(new NpgsqlParameter { Value = hash.Value });
        var bytes = command.ExecuteScalar() as byte[]
            ?? throw new InvalidDataException(
            $"table alignprop_blobs: the blob {hash} is missing; restore it from a backup of the database");
        return BlobHash.Of(bytes) == hash
            ? bytes
            : throw new InvalidDataException($"table alignprop_blobs: the bytes of {hash} do not have that hash (damaged)");
    }

    public void Delete(IEnumerable<BlobHash> hashes)
    {
        var names = hashes.Select(h => h.Value).ToArray();
        if (names.Length > 0)
        {
            using var command = _source.Value.CreateCommand("DELETE FROM alignprop_blobs WHERE hash = ANY($1)");
            command.Parameters.Add(new NpgsqlParameter { Value = names });
            command.ExecuteNonQuery();
        }
    }
}

/// <summary>A pool on a database with a table made where it is missing.</summary>
internal static class DatabaseTables
{
    public static NpgsqlDataSource Open(string connectionString, string create)
    {
        var source = NpgsqlDataSource.Create(connectionString);
        try
        {
            using var command = source.CreateCommand(create);
            command.ExecuteNonQuery();
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.UniqueViolation or PostgresErrorCodes.DuplicateTable)
        {
            // Another process made it at the same moment.
        }
        return source;
    }
}
