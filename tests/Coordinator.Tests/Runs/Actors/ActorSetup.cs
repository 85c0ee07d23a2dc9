using System.Collections.Concurrent;
using AlignProp.Adapters;
using AlignProp.Coordinator.Runs;
using AlignProp.Coordinator.Storage;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Tests.Runs.Actors;

/// <summary>A run for actors under test: four shards of two samples a step, two steps an epoch, one LoRA branch.</summary>
internal static class ActorSetup
{
    public static readonly LeaseRules Rules = new(
        Silence: TimeSpan.FromSeconds(5), Stall: TimeSpan.FromSeconds(60), HandIn: TimeSpan.FromSeconds(4));

    public static RunSetup Make(IProgress<RunProgress> progress, TimeProvider clock, IAdapterStore? store = null,
        string life = "life", bool reopen = false)
    {
        using var runs = new TestRuns();
        var (run, config) = (new RunId("r"), runs.Config(epochs: 2));
        var planner = new ShardPlanner(run, config, TestRuns.Training, TestRuns.HeldOut);
        return new RunSetup(run, config, "config", RunDescription.Of(config), planner,
            new AdapterSites([new AdapterSite("unet", "block.to_q", [6, 4])]), store ?? new MemoryStore(),
            progress, ClusterNames.Version, Rules, new Leadership(life, $"host-of-{life}"), new RunSteering(reopen), clock);
    }

    /// <summary>A gradient of the adapter's shapes that depends on step and shard only.</summary>
    public static LoraWeights Gradient(LoraWeights adapter, ShardKey key) =>
        adapter.WithValues(adapter.Tensors.Select(t => (t.Name, t.Values.Select((_, i) => Value(key, i)).ToArray())));

    private static float Value(ShardKey key, int i) => (float)Math.Sin(key.Step + 10 * key.Index + i);

    /// <summary>The announcement of a result of two samples.</summary>
    public static ShardDone Done(LeaseId lease, DeviceId device, ShardKey key, byte[] payload) =>
        new(lease, device, key, [1, 2], -1.5, BlobRef.Of(payload), new PhaseTimes(1, 2, 3), 1000);
}

internal sealed class MemoryStore : IAdapterStore
{
    private readonly ConcurrentDictionary<BlobHash, byte[]> _blobs = [];

    /// <summary>Thrown by the next <see cref="Put"/>.</summary>
    public Exception? Failure { get; set; }

    public int Count => _blobs.Count;

    public bool Has(BlobHash hash) => _blobs.ContainsKey(hash);

    public BlobRef Put(byte[] bytes)
    {
        if (Failure is { } failure)
        {
            Failure = null;
            throw failure;
        }
        var blob = BlobRef.Of(bytes);
        _blobs[blob.Hash] = bytes;
        return blob;
    }

    public byte[] Get(BlobHash hash) => _blobs.TryGetValue(hash, out var bytes)
        ? bytes
        : throw new InvalidDataException($"{hash}: the blob is missing");

    public void Delete(IEnumerable<BlobHash> hashes)
    {
        foreach (var hash in hashes)
        {
            _blobs.TryRemove(hash, out _);
        }
    }
}
