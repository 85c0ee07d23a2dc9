using AlignProp.Coordinator.Runs;
using AlignProp.Coordinator.Storage;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Tests.Runs;

/// <summary>What is on the disk is damaged, gone, or does not fit any more.</summary>
public sealed class DamageTests : IDisposable
{
    private readonly TestRuns _runs = new();

    public void Dispose() => _runs.Dispose();

    [Fact]
    public async Task A_damaged_truncated_or_missing_adapter_is_computed_again_with_the_same_hash()
    {
        const string Id = "damaged";
        List<string> steps = [.. await SomeStepsAsync(Id)];
        foreach (var damage in new[] { "damaged", "truncated", "missing" })
        {
            var (step, hash) = (steps.Count, steps[^1]);
            Damage(BlobOf(Id, hash), damage);
            await using var run = await LiveRun.StartAsync(_runs, Id);
            run.Node("node-1", delay: "100ms");
            await run.Until<RunNotice>(
                n => n.Text.StartsWith($"computing step {step} again from the step before it: {BlobOf(Id, hash)}: ",
                StringComparison.Ordinal));
            await run.Until<RunNotice>(n => n.Text == $"step {step} is whole again, with the same hash");
            await run.Host.DisposeAsync();
            steps = [.. await run.CommittedAsync()];
        }
        Assert.Equal((await Undisturbed.HashesAsync()).Take(steps.Count), steps);

        // The one before it is lost too.
        Damage(BlobOf(Id, steps[^1]), "damaged");
        Damage(BlobOf(Id, steps[^2]), "truncated");
        await using var lost = await LiveRun.StartAsync(_runs, Id);
        Assert.Contains($"{BlobOf(Id, steps[^2])}: the bytes do not have the hash", (await lost.FailedAsync()).Error);
    }

    [Fact]
    public async Task A_run_that_is_over_is_repaired_too()
    {
        await using (var run = await LiveRun.StartAsync(_runs, "over"))
        {
            run.Node("node-1", delay: "1ms");
            await run.StoppedAsync();
        }
        var last = (await Undisturbed.HashesAsync())[^1];
        Damage(BlobOf("over", last), "missing");
        await using var again = await LiveRun.StartAsync(_runs, "over");
        again.Node("node-1", delay: "1ms");
        Assert.Equal(last, (await again.StoppedAsync()).AdapterSha256);
        Assert.True(File.Exists(BlobOf("over", last)));
    }

    [Fact]
    public async Task A_full_disk_stops_the_run_and_with_room_again_it_goes_on()
    {
        IReadOnlyList<string> before;
        var blobs = new FullDisk(new DirectoryAdapterStore(_runs.Directory_("full").Blobs), room: 6);
        await using (var run = await LiveRun.StartAsync(_runs, "full", blobs: blobs))
        {
            run.Node("node-1");
            Assert.Contains("No space left on device", (await run.FailedAsync()).Error);
            before = run.Hashes;
        }
        Assert.Equal(2, before.Count);
        await using var resumed = await LiveRun.StartAsync(_runs, "full");
        resumed.Node("node-1");
        await resumed.StoppedAsync();
        Assert.Equal(await Undisturbed.HashesAsync(), [.. before, .. resumed.Hashes]);
    }

    /// <summary>A run stopped soon after its second step: the adapters it has committed.</summary>
    private async Task<IReadOnlyList<string>> SomeStepsAsync(string id)
    {
        await using var run = await LiveRun.StartAsync(_runs, id);
        // Slow enough for a machine that takes seconds to stop it.
        run.Node("node-1", delay: "500ms");
        await run.Until<StepCommitted>(e => e.Step == 2);
        await run.Host.DisposeAsync();
        var steps = await run.CommittedAsync();
        Assert.InRange(steps.Count, 2, 5);
        return steps;
    }

    private string BlobOf(string id, string hash) => Path.Combine(_runs.Directory_(id).Blobs, $"{hash}.safetensors");

    private static void Damage(string path, string how)
    {
        var bytes = File.ReadAllBytes(path);
        File.Delete(path);
        if (how == "damaged")
        {
            bytes[^1] ^= 1;
            File.WriteAllBytes(path, bytes);
        }
        else if (how == "truncated")
        {
            File.WriteAllBytes(path, bytes[..^4]);
        }
    }

    /// <summary>Has room for so many blobs.</summary>
    private sealed class FullDisk(IAdapterStore inner, int room) : IAdapterStore
    {
        private int _room = room;

        public BlobRef Put(byte[] bytes) => Interlocked.Decrement(ref _room) >= 0 ? inner.Put(bytes)
            : throw new IOException("No space left on device : 'blobs'");

        public byte[] Get(BlobHash hash) => inner.Get(hash);

        public void Delete(IEnumerable<BlobHash> hashes) => inner.Delete(hashes);
    }
}
