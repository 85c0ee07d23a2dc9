using AlignProp.Coordinator.Runs;
using AlignProp.Coordinator.Storage;
using Npgsql;

namespace AlignProp.Coordinator.Tests.Runs;

/// <summary>Journal and blobs in PostgreSQL: the same run, and one that waits while the server is away.</summary>
public sealed class PostgresTests(PostgresServer server) : IClassFixture<PostgresServer>, IDisposable
{
    private readonly TestRuns _runs = new();

    public void Dispose() => _runs.Dispose();

    [PostgresFact]
    public async Task A_run_over_PostgreSQL_waits_for_a_server_that_is_away_and_ends_as_over_SQLite()
    {
        await using var run = await LiveRun.StartAsync(_runs, "postgres",
            new CoordinatorOptions(Database: server.ConnectionString));
        run.Node("node-1", delay: "50ms");
        await run.Until<StepCommitted>(e => e.Step == 2);
        server.Stop();
        // First a result cannot be written, then the journal cannot be read.
        await run.Until<RunNotice>(e => e.Text.StartsWith("paused at step ", StringComparison.Ordinal)
            && e.Text.EndsWith("; trying again", StringComparison.Ordinal));
        await run.Until<RunNotice>(e => e.Text.Contains("the journal cannot be read", StringComparison.Ordinal));
        server.Start();
        await run.StoppedAsync();
        Assert.Equal(await Undisturbed.HashesAsync(), run.Hashes);
        Assert.False(Directory.Exists(run.Directory.Blobs));
        Assert.False(File.Exists(run.Directory.Journal));
    }

    [PostgresFact]
    public void A_blob_comes_back_whole_or_not_at_all()
    {
        var store = new DatabaseAdapterStore(server.ConnectionString);
        var blob = store.Put([1, 2, 3]);
        Assert.Equal([1, 2, 3], store.Get(blob.Hash));

        using (var source = NpgsqlDataSource.Create(server.ConnectionString))
        using (var damage = source.CreateCommand($"UPDATE alignprop_blobs SET bytes = '\\x0102' WHERE hash = '{blob.Hash}'"))
        {
            Assert.Equal(1, damage.ExecuteNonQuery());
        }
        Assert.Contains("damaged", Assert.Throws<InvalidDataException>(() => store.Get(blob.Hash)).Message);
        // Put again, the damaged row is replaced.
        Assert.Equal([1, 2, 3], store.Get(store.Put([1, 2, 3]).Hash));

        var other = store.Put([4]);
        store.Delete([blob.Hash]);
        Assert.Contains("missing", Assert.Throws<InvalidDataException>(() => store.Get(blob.Hash)).Message);
        Assert.Equal([4], store.Get(other.Hash));
    }

    [PostgresFact]
    public async Task A_leader_gives_a_sign_of_life_without_committing_and_a_dead_one_does_not()
    {
        LiveRun run;
        using var sign = new LeaderSign(server.ConnectionString, new AlignProp.Messages.RunId("signs"));
        await using (run = await LiveRun.StartAsync(_runs, "signs", new CoordinatorOptions(Database: server.ConnectionString)))
        {
            await run.Until<RunStarted>(_ => true);
            await Wait.UntilAsync(() => sign.Last().Beat > 0, () => "no sign of life");
            var before = sign.Last();
            // No node: nothing is ever committed.
            await Wait.UntilAsync(() => sign.Last().Beat > before.Beat, () => "no second sign of life");
            Assert.Equal(before.Event, sign.Last().Event);
        }
        var dead = sign.Last();
        sign.Beat("another");
        Assert.Equal(dead with { Beat = dead.Beat + 1 }, sign.Last());
    }

    [PostgresFact]
    public void A_store_whose_first_use_fails_works_once_the_server_is_there()
    {
        server.Stop();
        var store = new DatabaseAdapterStore(server.ConnectionString);
        Assert.ThrowsAny<NpgsqlException>(() => store.Put([7]));
        server.Start();
        Assert.Equal([7], store.Get(store.Put([7]).Hash));
    }
}
