using AlignProp.Coordinator.Tests.Runs;

namespace AlignProp.Coordinator.Tests.Integrity;

/// <summary><c>verify</c> on a whole run, and on runs in which one thing was altered.</summary>
[Collection(SimulatedNodes.Name)]
public sealed class VerifyTests(SmallRun run) : IClassFixture<SmallRun>
{
    [Fact]
    public async Task A_whole_run_is_what_its_run_file_says_and_its_first_and_last_step_come_out_the_same()
    {
        var (code, output, error) = await run.Copy().VerifyAsync();
        Assert.True(code == 0, output + error);
        Assert.Contains($"step 1         computed again: {run.Hashes[0][..12]}, as the journal says", output);
        Assert.Contains($"step 4         computed again: {run.Hashes[3][..12]}, as the journal says", output);
        Assert.DoesNotContain("step 2 ", output);
        Assert.EndsWith("small is what its run file says\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_step_is_computed_again_where_that_is_asked_for()
    {
        var (code, output, error) = await run.Copy().VerifyAsync("--all");
        Assert.True(code == 0, output + error);
        Assert.All(run.Hashes, h => Assert.Contains($"computed again: {h[..12]}", output));
    }

    [Fact]
    public async Task A_flipped_byte_in_a_blob_is_named()
    {
        var copy = run.Copy();
        var blob = copy.Blob(run.Hashes[3]);
        var bytes = File.ReadAllBytes(blob);
        bytes[^5] ^= 1;
        File.WriteAllBytes(blob, bytes);
        await DiffersAsync(copy, $"blobs/{run.Hashes[3]}.safetensors is damaged");
    }

    [Fact]
    public async Task Every_missing_blob_is_named()
    {
        var copy = run.Copy();
        File.Delete(copy.Blob(run.Hashes[2]));
        File.Delete(copy.Blob(run.Hashes[3]));
        await DiffersAsync(copy, $"blobs/{run.Hashes[2]}.safetensors is missing",
            $"blobs/{run.Hashes[3]}.safetensors is missing");
    }

    [Fact]
    public async Task An_altered_figure_a_lost_line_and_an_invented_one_are_named_by_line()
    {
        var copy = run.Copy();
        copy.Metrics(lines => lines.Select(l => l.Contains("\"kind\":\"step\",\"step\":2,", StringComparison.Ordinal)
            ? l.Replace("\"rewardMean\":", "\"rewardMean\":1", StringComparison.Ordinal) : l)
            .Where(l => !l.Contains("\"kind\":\"step\",\"step\":3,", StringComparison.Ordinal))
            .Append("""{"kind":"step","step":9,"epoch":9}"""));
        await DiffersAsync(copy, "step 2: rewardMean is 1", "does not tell of step 3", "tells of step 9, of which the journal");
    }

    [Fact]
    public async Task A_line_that_is_no_line_is_named_but_one_that_a_crash_tore_is_not()
    {
        var copy = run.Copy();
        copy.Metrics(lines => lines.Append("{not json"));
        await DiffersAsync(copy, "cannot be read");
        var torn = run.Copy();
        torn.Metrics(lines => lines.Prepend(lines[1][..20]));
        var (code, output, error) = await torn.VerifyAsync("--files");
        Assert.True(code == 0, output + error);
    }

    [Fact]
    public async Task A_run_file_that_was_edited_since_is_said_with_the_key()
    {
        var copy = run.Copy();
        var text = File.ReadAllText(copy.Directory.Config);
        Assert.Contains("sampling.steps = 2\n", text);
        File.WriteAllText(copy.Directory.Config, text.Replace("sampling.steps = 2\n", "sampling.steps = 3\n",
            StringComparison.Ordinal));
        await DiffersAsync(copy, "was edited since the run began: ", "steps is 3, was 2");
    }

    [Fact]
    public async Task An_adapter_for_other_tools_that_is_another_one_is_said()
    {
        var copy = run.Copy();
        var bytes = File.ReadAllBytes(copy.Directory.Adapter);
        bytes[^1] ^= 1;
        File.WriteAllBytes(copy.Directory.Adapter, bytes);
        await DiffersAsync(copy, "is not the adapter of step 4");
    }

    [Fact]
    public async Task A_journal_that_cannot_be_read_is_said()
    {
        var copy = run.Copy();
        File.WriteAllText(copy.Directory.Journal, "no database at all, but long enough to be looked at as one");
        await DiffersAsync(copy, "journal.db is damaged (");
    }

    private static async Task DiffersAsync(SmallRun.Damaged copy, params string[] said)
    {
        var (code, output, error) = await copy.VerifyAsync("--files");
        Assert.True(code == 1, output + error);
        var told = string.Join(' ', output.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries));
        Assert.All(said, s => Assert.Contains(s, told));
        Assert.Contains(" differ", output);
    }
}
