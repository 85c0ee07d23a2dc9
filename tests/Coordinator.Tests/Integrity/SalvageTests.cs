using AlignProp.Coordinator.Storage;
using AlignProp.Coordinator.Tests.Runs;

namespace AlignProp.Coordinator.Tests.Integrity;

/// <summary>Damaged files are named on one line, with what is whole; <c>--salvage</c> goes on from that.</summary>
[Collection(SimulatedNodes.Name)]
public sealed class SalvageTests(SmallRun run) : IClassFixture<SmallRun>
{
    [Theory]
    [InlineData("truncated", "journal.db is damaged (")]
    [InlineData("overwritten", "journal.db is damaged (file is not a database)")]
    [InlineData("emptied", "journal.db is empty")]
    [InlineData("deleted", "journal.db is missing")]
    public async Task A_damaged_journal_is_named_and_rebuilt_with_the_same_adapters(string how, string said)
    {
        var copy = run.Copy();
        Damage(copy.Directory.Journal, how);
        await RefusedAsync(copy, said, "Still whole: run.conf, metrics.jsonl up to step 4, ", "the adapters of step 2, 3, 4");

        var (code, output, error) = await copy.ResumeAsync("--salvage");
        Assert.True(code == 0, output + error);
        Assert.Contains("salvaged small up to step 4", output);
        Assert.Contains($"adapter SHA-256 {run.Hashes[3]}", output);
        Assert.Equal(run.Hashes, SmallRun.HashesOf(copy.Directory));
        Assert.Equal(how is not "deleted", Directory.GetFiles(copy.Directory.Folder, "journal.db.damaged-*").Length == 1);
        Assert.Equal(0, (await copy.VerifyAsync("--files")).Code);
    }

    [Fact]
    public async Task A_damaged_file_of_snapshots_is_named_and_nothing_is_lost_with_it()
    {
        var copy = run.Copy();
        Damage(copy.Directory.Snapshots, "overwritten");
        await RefusedAsync(copy, "snapshots.db is damaged (");
        var (code, output, error) = await copy.ResumeAsync("--salvage");
        Assert.True(code == 0, output + error);
        Assert.DoesNotContain("lost:", output);
        Assert.Equal(run.Hashes, SmallRun.HashesOf(copy.Directory));
    }

    [Fact]
    public async Task Every_missing_blob_is_named_and_the_lost_steps_are_computed_again()
    {
        var copy = run.Copy();
        File.Delete(copy.Blob(run.Hashes[2]));
        File.Delete(copy.Blob(run.Hashes[3]));
        await RefusedAsync(copy, $"blobs/{run.Hashes[2]}.safetensors is missing",
            $"blobs/{run.Hashes[3]}.safetensors is missing");
        // Adapter 2 is there, but not its moments; what other tools load is the adapter of step 4, with its moments.
        var (code, output, error) = await copy.ResumeAsync("--salvage");
        Assert.True(code == 0, output + error);
        Assert.Contains("salvaged small up to step 4", output);
        Assert.Contains($"adapter SHA-256 {run.Hashes[3]}", output);
    }

    [Fact]
    public async Task Without_moments_the_newest_whole_adapter_is_gone_on_with_and_that_is_said()
    {
        var copy = run.Copy();
        Damage(copy.Directory.Journal, "deleted");
        File.Delete(copy.Directory.Adapter);
        foreach (var blob in Directory.GetFiles(copy.Directory.Blobs).Where(b => b != copy.Blob(run.Hashes[1])))
        {
            File.Delete(blob);
        }
        var (code, output, error) = await copy.ResumeAsync("--salvage");
        Assert.True(code == 0, output + error);
        Assert.Contains("salvaged small up to step 2", output);
        Assert.Contains("lost: AdamW's moments after step 2", output);
        Assert.Equal(run.Hashes.Take(2), SmallRun.HashesOf(copy.Directory).Take(2));
        Assert.Equal(4, SmallRun.HashesOf(copy.Directory).Count);
    }

    [Fact]
    public async Task Where_no_adapter_is_left_the_run_begins_again_and_comes_out_the_same()
    {
        var copy = run.Copy();
        Damage(copy.Directory.Journal, "overwritten");
        File.Delete(copy.Directory.Adapter);
        Directory.Delete(copy.Directory.Blobs, recursive: true);
        var (code, output, error) = await copy.ResumeAsync("--salvage");
        Assert.True(code == 0, output + error);
        Assert.Contains("salvaged small up to step 0", output);
        Assert.Equal(run.Hashes, SmallRun.HashesOf(copy.Directory));
    }

    [Fact]
    public async Task Commits_that_went_with_a_write_ahead_log_are_missed()
    {
        var copy = run.Copy();
        File.WriteAllText(copy.Directory.Journal + "-wal", "this is no write-ahead log");
        await RefusedAsync(copy, "journal.db-wal is damaged");
    }

    [Fact]
    public async Task A_whole_run_is_left_as_it_is()
    {
        var copy = run.Copy();
        var (code, output, error) = await copy.ResumeAsync("--salvage");
        Assert.True(code == 0, output + error);
        Assert.Contains("nothing is damaged; nothing was salvaged", output);
    }

    private static async Task RefusedAsync(SmallRun.Damaged copy, params string[] said)
    {
        var (code, output, error) = await copy.ResumeAsync();
        Assert.True(code == 1, output + error);
        Assert.All(said, s => Assert.Contains(s, error));
        Assert.Contains("alignprop resume small --salvage", error);
        Assert.DoesNotContain('\n', error.TrimEnd('\n'));
        Assert.False(RunLead.IsLed(copy.Directory));
    }

    private static void Damage(string path, string how)
    {
        var bytes = File.ReadAllBytes(path);
        switch (how)
        {
            case "truncated":
                File.WriteAllBytes(path, bytes[..^4096]);
                break;
            case "overwritten":
                Array.Fill(bytes, (byte)'x', 0, 2000);
                File.WriteAllBytes(path, bytes);
                break;
            case "emptied":
                File.WriteAllBytes(path, []);
                break;
            default:
                File.Delete(path);
                break;
        }
    }
}
