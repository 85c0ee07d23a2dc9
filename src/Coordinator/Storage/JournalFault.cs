using Microsoft.Data.Sqlite;
using Npgsql;

namespace AlignProp.Coordinator.Storage;

/// <summary>What a failure of the journal, or of the store beside it, means for a run.</summary>
public enum JournalFaultKind
{
    /// <summary>It comes back by itself: the run waits.</summary>
    Away,

    /// <summary>What is there cannot be read any more: waiting changes nothing.</summary>
    Damaged,

    /// <summary>It is there, but not for us: permissions, a wrong database, a disk that fails.</summary>
    Refused,

    /// <summary>Another coordinator has written at this place.</summary>
    Conflict,
}

/// <summary>A failure as the provider's own codes tell it, and its words on one line.</summary>
public sealed record JournalFault(JournalFaultKind Kind, string Why)
{
    // SQLite's result codes (sqlite.org/rescode.html).
    private const int Error = 1, Permission = 3, ReadOnly = 8, InputOutput = 10, Corrupt = 11, CannotOpen = 14, Mismatch = 20,
        Authorization = 23, Format = 24, NotADatabase = 26;

    private const int ReadFailed = 266, ShortRead = 522, DataFailed = 8202, FileSystemCorrupt = 8458;
    private const int UniqueConstraint = 2067, PrimaryKeyConstraint = 1555;

    // Locks on network disks: they come back.
    private static readonly int[] LockFailed = [2058, 2314, 2826, 3594, 3850, 5130];

    public static JournalFault Of(Exception failure)
    {
        var causes = Causes(failure).ToList();
        var told = causes.FirstOrDefault(c => c is SqliteException or PostgresException) ?? failure.GetBaseException();
        var kind = told switch
        {
            SqliteException sqlite => OfSqlite(sqlite.SqliteErrorCode, sqlite.SqliteExtendedErrorCode, sqlite.Message),
            PostgresException postgres => OfPostgres(postgres.SqlState),
            _ when causes.Any(c => c is InvalidDataException or System.Runtime.Serialization.SerializationException) =>
                JournalFaultKind.Damaged,
            _ => JournalFaultKind.Away,
        };
        // "SQLite Error 26: 'file is not a database'."
        var words = told.Message.Split('\n')[0].Trim();
        return new JournalFault(kind, told is SqliteException && words.Split('\'') is [_, var quoted, ..] ? quoted : words);
    }

    public static JournalFaultKind OfSqlite(int code, int extended, string message) => code switch
    {
        Corrupt or NotADatabase or Format or Mismatch => JournalFaultKind.Damaged,
        // No such table, no such column: the file is a database, but not a journal any more.
        Error when message.Contains("no such", StringComparison.Ordinal) => JournalFaultKind.Damaged,
        InputOutput when extended is ReadFailed or ShortRead or DataFailed or FileSystemCorrupt => JournalFaultKind.Damaged,
        InputOutput => LockFailed.Contains(extended) ? JournalFaultKind.Away : JournalFaultKind.Refused,
        Permission or ReadOnly or CannotOpen or Authorization => JournalFaultKind.Refused,
        _ when extended is UniqueConstraint or PrimaryKeyConstraint => JournalFaultKind.Conflict,
        _ => JournalFaultKind.Away,
    };

    /// <param name="state">Five characters of PostgreSQL's appendix A; the first two are the class.</param>
    public static JournalFaultKind OfPostgres(string state) => state switch
    {
        PostgresErrorCodes.UniqueViolation => JournalFaultKind.Conflict,
        PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.UndefinedColumn or PostgresErrorCodes.IoError
            or PostgresErrorCodes.UndefinedFile => JournalFaultKind.Damaged,
        PostgresErrorCodes.InsufficientPrivilege or PostgresErrorCodes.InvalidCatalogName => JournalFaultKind.Refused,
        _ when state.StartsWith("XX", StringComparison.Ordinal) => JournalFaultKind.Damaged,
        _ when state.StartsWith("28", StringComparison.Ordinal) => JournalFaultKind.Refused,
        _ => JournalFaultKind.Away,
    };

    private static IEnumerable<Exception> Causes(Exception? cause) => cause is null ? []
        : cause is AggregateException several ? several.InnerExceptions.SelectMany(Causes).Prepend(cause)
        : Causes(cause.InnerException).Prepend(cause);
}
