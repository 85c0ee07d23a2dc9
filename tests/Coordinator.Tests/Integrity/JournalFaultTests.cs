using AlignProp.Coordinator.Storage;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace AlignProp.Coordinator.Tests.Integrity;

/// <summary>What the providers' codes mean: away, damaged, refused, or another coordinator.</summary>
public sealed class JournalFaultTests
{
    [Theory]
    [InlineData(11, 11, JournalFaultKind.Damaged)]
    [InlineData(11, 267, JournalFaultKind.Damaged)]
    [InlineData(26, 26, JournalFaultKind.Damaged)]
    [InlineData(10, 522, JournalFaultKind.Damaged)]
    [InlineData(10, 266, JournalFaultKind.Damaged)]
    [InlineData(10, 1034, JournalFaultKind.Refused)]
    [InlineData(10, 3850, JournalFaultKind.Away)]
    [InlineData(5, 5, JournalFaultKind.Away)]
    [InlineData(6, 6, JournalFaultKind.Away)]
    [InlineData(13, 13, JournalFaultKind.Away)]
    [InlineData(14, 14, JournalFaultKind.Refused)]
    [InlineData(8, 8, JournalFaultKind.Refused)]
    [InlineData(19, 2067, JournalFaultKind.Conflict)]
    [InlineData(19, 1555, JournalFaultKind.Conflict)]
    public void Of_SQLite(int code, int extended, JournalFaultKind kind) => Assert.Equal(kind,
        JournalFault.Of(new InvalidOperationException("wrapped", new SqliteException("words", code, extended))).Kind);

    [Fact]
    public void A_database_without_the_journals_table_is_damaged_but_a_table_made_at_the_same_moment_is_not()
    {
        Assert.Equal(JournalFaultKind.Damaged, JournalFault.Of(new SqliteException("no such table: journal", 1, 1)).Kind);
        Assert.Equal(JournalFaultKind.Away, JournalFault.Of(new SqliteException("table journal already exists", 1, 1)).Kind);
    }

    [Theory]
    [InlineData("XX001", JournalFaultKind.Damaged)]
    [InlineData("XX002", JournalFaultKind.Damaged)]
    [InlineData("58030", JournalFaultKind.Damaged)]
    [InlineData("58P01", JournalFaultKind.Damaged)]
    [InlineData("42P01", JournalFaultKind.Damaged)]
    [InlineData("42501", JournalFaultKind.Refused)]
    [InlineData("28P01", JournalFaultKind.Refused)]
    [InlineData("3D000", JournalFaultKind.Refused)]
    [InlineData("23505", JournalFaultKind.Conflict)]
    [InlineData("57P01", JournalFaultKind.Away)]
    [InlineData("57P03", JournalFaultKind.Away)]
    [InlineData("08006", JournalFaultKind.Away)]
    [InlineData("53300", JournalFaultKind.Away)]
    [InlineData("40001", JournalFaultKind.Away)]
    public void Of_PostgreSQL(string state, JournalFaultKind kind) => Assert.Equal(kind,
        JournalFault.Of(new AggregateException(new PostgresException("words", "ERROR", "ERROR", state))).Kind);

    [Fact]
    public void What_is_no_databases_word_is_away_unless_the_bytes_are_no_event()
    {
        Assert.Equal(JournalFaultKind.Away, JournalFault.Of(new TimeoutException("no answer")).Kind);
        Assert.Equal(JournalFaultKind.Away, JournalFault.Of(new System.Net.Sockets.SocketException(111)).Kind);
        Assert.Equal(JournalFaultKind.Damaged, JournalFault.Of(new InvalidDataException("step 7 follows step 0")).Kind);
        Assert.Equal("one", JournalFault.Of(new TimeoutException("one\ntwo")).Why);
    }
}
