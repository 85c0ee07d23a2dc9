using AlignProp.Messages;

namespace AlignProp.Coordinator.Runs;

/// <summary>A shard handed to a device.</summary>
/// <param name="Heard">When the device last said anything about it.</param>
/// <param name="Moved">When its fraction last changed.</param>
/// <param name="Adopted">Begun under another coordinator: how long the shard took is not known.</param>
/// <param name="Computed">The device is done with it and free for another one; its result is still to be fetched.</param>
public sealed record Lease(LeaseId Id, Shard Shard, DeviceId Device, DateTimeOffset Since, DateTimeOffset Heard,
    DateTimeOffset Moved, double Fraction,
    bool Adopted = false, bool Computed = false);

/// <param name="Silence">A device that says nothing for this long (it reports every second) loses its lease.</param>
/// <param name="Stall">So does one whose shard makes no progress for this long, though the device still reports.</param>
/// <param name="HandIn">After an interruption devices have this long, from the first one on, to say what they hold.</param>
public sealed record LeaseRules(TimeSpan Silence, TimeSpan Stall, TimeSpan HandIn = default);

/// <summary>
/// Who computes what of one step: pure bookkeeping, no clock of its own. A lease lives as long as its device reports
/// progress; what expires or fails is handed out again; when nothing is left to hand out, idle devices repeat the slowest
/// shards and the first result counts.
/// </summary>
/// <param name="name">Makes lease ids of one coordinator's life unique.</param>
public sealed class LeaseTable(IReadOnlyList<Shard> shards, LeaseRules rules, string name)
{
    private readonly Dictionary<LeaseId, Lease> _leases = [];
    private readonly HashSet<int> _done = [];
    private readonly Dictionary<int, HashSet<DeviceId>> _failedOn = [];
    private readonly List<TimeSpan> _durations = [];
    private int _issued;

    public int Total => shards.Count;

    public int Done => _done.Count;

    public int Leased => _leases.Count;

    public bool IsComplete => Done == Total;

    /// <summary>Share of the work done, progress reports included.</summary>
    public double Fraction => Total == 0 ? 1
        : (Done + _leases.Values.GroupBy(l => l.Shard.Index).Sum(g => g.Max(l => l.Fraction))) / Total;

    public bool IsDone(int shard) => _done.Contains(shard);

    public Lease? Find(LeaseId id) => _leases.GetValueOrDefault(id);

    /// <summary>
    /// A shard for a device that asks. One that holds a lease already gets the same again: the first message was lost or
    /// crossed the question, and a second lease would lie idle. Otherwise an unleased shard, preferring any the device has not
    /// failed on; else the slowest leased one.
    /// </summary>
    public Lease? Acquire(DeviceId device, DateTimeOffset now)
    {
        if (HeldBy(device) is { } held)
        {
            return held;
        }
        var running = _leases.Values.ToLookup(l => l.Shard.Index);
        var shard = shards.Where(s => !_done.Contains(s.Index) && !running.Contains(s.Index))
            .OrderBy(s => FailedOn(s.Index, device) ? 1 : 0).ThenBy(s => s.Index).FirstOrDefault()
            ?? Slowest(running, device, now);
        if (shard is null)
        {
            return null;
        }
        var lease = new Lease(new LeaseId($"{name}-{shard.Step}-{shard.Index}-{++_issued}"), shard, device, now, now, now, 0);
        _leases[lease.Id] = lease;
        return lease;
    }

    /// <summary>The lease of the shard a device computes, or null.</summary>
    public Lease? HeldBy(DeviceId device) => _leases.Values.FirstOrDefault(l => l.Device == device && !l.Computed);

    /// <summary>Whether a device has a lease of a shard, computed or not.</summary>
    public bool Has(DeviceId device, int shard) => _leases.Values.Any(l => l.Device == device && l.Shard.Index == shard);

    /// <summary>The device has computed the shard and says that it still holds the result; it may have another shard.</summary>
    public void Computed(int shard, DeviceId device, DateTimeOffset now)
    {
        foreach (var lease in _leases.Values.Where(l => l.Device == device && l.Shard.Index == shard).ToList())
        {
            _leases[lease.Id] = lease with { Heard = now, Moved = now, Fraction = 1, Computed = true };
        }
    }

    /// <summary>A progress report: the lease lives on.</summary>
    public void Renew(LeaseId id, double fraction, DateTimeOffset now)
    {
        if (_leases.TryGetValue(id, out var lease))
        {
            var to = Math.Clamp(fraction, 0, 1);
            _leases[id] = lease with { Heard = now, Moved = to == lease.Fraction ? lease.Moved : now, Fraction = to };
        }
    }

    /// <summary>
    /// A device works on, or holds, a shard under a lease of a former coordinator: nobody else is to compute it. Said again, the
    /// lease lives on. Ignored where the shard is done.
    /// </summary>
    public void Adopt(LeaseId id, int shard, DeviceId device, double fraction, DateTimeOffset now)
    {
        if (!_done.Contains(shard) && !_leases.ContainsKey(id))
        {
            _leases[id] = new Lease(id, shards[shard], device, now, now, now, Math.Clamp(fraction, 0, 1), Adopted: true);
        }
        Renew(id, fraction, now);
    }

    /// <summary>
    /// The device lives: what it holds of a former coordinator's time waits for its turn, one result after the other.
    /// </summary>
    public void Hear(DeviceId device, DateTimeOffset now)
    {
        foreach (var lease in _leases.Values.Where(l => l.Adopted && l.Device == device).ToList())
        {
            _leases[lease.Id] = lease with { Heard = now };
        }
    }

    /// <summary>Marks a shard done; false when it already was. Other leases of it are dropped.</summary>
    public bool Complete(int shard, DateTimeOffset now)
    {
        if (!_done.Add(shard))
        {
            return false;
        }
        foreach (var lease in _leases.Values.Where(l => l.Shard.Index == shard).ToList())
        {
            if (!lease.Adopted)
            {
                _durations.Add(now - lease.Since);
            }
            _leases.Remove(lease.Id);
        }
        return true;
    }

    /// <summary>A device could not do it; returns the devices the shard has failed on.</summary>
    public IReadOnlyCollection<DeviceId> Fail(LeaseId id, int shard, DeviceId device)
    {
        _leases.Remove(id);
        Remove(l => l.Device == device && l.Shard.Index == shard);
        if (!_failedOn.TryGetValue(shard, out var devices))
        {
            _failedOn[shard] = devices = [];
        }
        devices.Add(device);
        return devices;
    }

    /// <summary>Leases whose device is silent or whose shard stands still; they are free again.</summary>
    public IReadOnlyList<Lease> Expire(DateTimeOffset now) =>
        Remove(l => now - l.Heard > rules.Silence || now - l.Moved > rules.Stall);

    /// <summary>The device is gone: its leases are free again at once.</summary>
    public IReadOnlyList<Lease> Release(DeviceId device) => Remove(l => l.Device == device);

    public bool FailedOn(int shard, DeviceId device) => _failedOn.TryGetValue(shard, out var devices) && devices.Contains(device);

    private Shard? Slowest(ILookup<int, Lease> running, DeviceId device, DateTimeOffset now)
    {
        if (_durations.Count == 0)
        {
            return null;
        }
        var median = _durations.Order().ElementAt(_durations.Count / 2);
        return running.Where(g => g.Count() == 1 && g.All(l => l.Device != device && !l.Computed && now - l.Since > median * 2))
            .OrderBy(g => g.First().Since).Select(g => g.First().Shard).FirstOrDefault();
    }

    private List<Lease> Remove(Func<Lease, bool> which)
    {
        var removed = _leases.Values.Where(which).ToList();
        removed.ForEach(l => _leases.Remove(l.Id));
        return removed;
    }
}
