using Akka.Actor;
using AlignProp.Clustering;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Runs;

/// <summary>
/// Results announced and not yet taken: pure bookkeeping of which are fetched next. They stay with their devices, which compute
/// on meanwhile, until it is their turn: in shard order, a few at a time, and only so many bytes ahead of the sum. So the
/// coordinator's memory depends neither on the batch nor on the number of devices, and a link full of one shard's chunks is not
/// shared with sixty others'.
/// </summary>
public sealed class ResultQueue
{
    /// <summary>Fetched at once: each asks for <see cref="BlobTransfer.Window"/> chunks ahead, so a few fill any link.</summary>
    public const int MaxFetching = 8;

    /// <summary>
    /// 256 MiB of results fetched or waiting for a shard before them; the first missing shard is fetched whatever waits.
    /// </summary>
    public const long MaxBytes = 256L * 1024 * 1024;

    private readonly Dictionary<LeaseId, (ShardDone Done, IActorRef Worker)> _announced = [];
    private readonly Dictionary<LeaseId, ShardDone> _fetching = [];

    /// <summary>A result is there to be fetched; the device says so every second until it is acknowledged.</summary>
    public void Announce(ShardDone done, IActorRef worker)
    {
        if (!_fetching.ContainsKey(done.Lease))
        {
            _announced[done.Lease] = (done, worker);
        }
    }

    /// <summary>The results to fetch now.</summary>
    /// <param name="next">The first shard of the sum that is missing.</param>
    /// <param name="waitingBytes">Of results that have come and wait for it.</param>
    public IReadOnlyList<(ShardDone Done, IActorRef Worker)> Start(int next, long waitingBytes)
    {
        List<(ShardDone, IActorRef)> started = [];
        var bytes = waitingBytes + _fetching.Values.Sum(d => d.Payload.Bytes);
        foreach (var (done, worker) in _announced.Values.OrderBy(a => a.Done.Key.Index).ToList())
        {
            var first = done.Key.Index <= next;
            if (!first && (_fetching.Count >= MaxFetching || bytes + done.Payload.Bytes > MaxBytes))
            {
                break;
            }
            _announced.Remove(done.Lease);
            _fetching[done.Lease] = done;
            bytes += done.Payload.Bytes;
            started.Add((done, worker));
        }
        return started;
    }

    /// <summary>It came, or did not.</summary>
    public void Ended(LeaseId lease) => _fetching.Remove(lease);

    /// <summary>The device is gone; returns what was being fetched from it.</summary>
    public IReadOnlyList<LeaseId> Drop(DeviceId device)
    {
        foreach (var lease in _announced.Where(a => a.Value.Done.Device == device).Select(a => a.Key).ToList())
        {
            _announced.Remove(lease);
        }
        var fetching = _fetching.Where(f => f.Value.Device == device).Select(f => f.Key).ToList();
        fetching.ForEach(l => _fetching.Remove(l));
        return fetching;
    }

    /// <summary>Another step: what was announced before it is of no use.</summary>
    public void Clear() => _announced.Clear();
}
