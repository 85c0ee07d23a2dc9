using Akka.Actor;
using Akka.Event;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Runs;

/// <summary>
/// One step's work while it is computed: hands its shards out, takes their results, and gives up where a shard fails everywhere.
/// The behaviour of <see cref="ShardDispatcher"/> while it works; what is returned is the end of the work, or null.
/// </summary>
internal sealed class WorkDesk(
    ComputeShards order, RunSetup setup, DeviceRoster devices, ResultFetcher results, ILoggingAdapter log)
{
    private readonly RoundWork _work = order.Work;

    private LeaseTable Leases => _work.Leases;

    private bool Evaluation => _work is EvaluationRound;

    private DateTimeOffset Now => setup.Clock.GetUtcNow();

    public void Open()
    {
        OfferAll();
        ReportShards();
    }

    public bool Wants(ShardKey key) => _work.Wants(key);

    public void Ask(RequestWork request)
    {
        Leases.Hear(request.Device, Now);
        // What it holds of this step was acknowledged by a coordinator that died with it: asked for again, not computed again.
        var device = request.Device;
        bool IsNew(ShardKey key) => Wants(key) && !Leases.Has(device, key.Index) && !Leases.FailedOn(key.Index, device);
        foreach (var key in request.Held.Where(IsNew))
        {
            Leases.Adopt(new LeaseId($"held-{device}-{key.Step}-{key.Index}"), key.Index, device, 1, Now);
        }
        Offer(device);
    }

    public void Progress(ShardProgress progress)
    {
        Leases.Hear(progress.Device, Now);
        Leases.Adopt(progress.Lease, progress.Key.Index, progress.Device, progress.Fraction, Now);
        ReportWork(progress.Device, progress.Key.Index, progress.Phase, progress.Fraction);
        ReportShards();
    }

    /// <summary>A result is there to be fetched, when its turn comes.</summary>
    public void Announce(ShardDone done, IActorRef worker)
    {
        Leases.Hear(done.Device, Now);
        if (!Leases.Has(done.Device, done.Key.Index))
        {
            Leases.Adopt(done.Lease, done.Key.Index, done.Device, 1, Now);
        }
        Leases.Computed(done.Key.Index, done.Device, Now);
        results.Announce(done, worker);
        Fetch();
    }

    /// <summary>A part of a result came: the device lives.</summary>
    public void Arriving(ResultArriving arriving) => Leases.Computed(arriving.Shard, arriving.Device, Now);

    /// <summary>A result came whole, or did not.</summary>
    public IWorkEnd? Take(ResultReceived result)
    {
        var end = Judge(result);
        if (end is null)
        {
            Fetch();
        }
        return end;
    }

    public IWorkEnd? Fail(ShardFailed failed)
    {
        Leases.Hear(failed.Device, Now);
        // Said again before the answer came: it counts once.
        return Leases.Find(failed.Lease) is null ? null : Refuse(failed.Lease, failed.Device, failed.Key, failed.Error);
    }

    /// <summary>These devices are gone: their shards go to others.</summary>
    public void Release(IReadOnlyList<DeviceId> gone)
    {
        if (gone.Count == 0)
        {
            return;
        }
        foreach (var device in gone)
        {
            Leases.Release(device);
        }
        OfferAll();
    }

    /// <summary>Time has passed: leases that lived too long without a sign go to others.</summary>
    public void Tick()
    {
        foreach (var lease in Leases.Expire(Now))
        {
            var again = $"shard {lease.Shard.Index} is leased again";
            setup.Progress.Report(new DeviceChanged(lease.Device, NodeState.Silent, again));
            results.Stop(lease.Device);
        }
        OfferAll();
        Fetch();
    }

    private IWorkEnd? Judge(ResultReceived result)
    {
        var done = result.Done;
        if (!Wants(done.Key))
        {
            result.Worker.Tell(new ShardAcknowledged(done.Lease, false, "already done"));
            return null;
        }
        var refusal = result.Payload is null ? result.Error : _work.Take(done, result.Payload);
        result.Worker.Tell(new ShardAcknowledged(done.Lease, refusal is null, refusal ?? ""));
        if (refusal is not null)
        {
            return Refuse(done.Lease, done.Device, done.Key, refusal);
        }
        Leases.Complete(done.Key.Index, Now);
        devices.Succeeded(done.Device, Evaluation);
        setup.Progress.Report(new ShardTimed(done.Key.Step, done.Key.Index, Evaluation, done.Seconds, done.PeakMemory,
            done.Device, done.Payload.Bytes));
        ReportShards();
        return Leases.IsComplete ? new ShardsComputed(_work) : null;
    }

    /// <summary>The shard is done elsewhere; who fails again and again is benched, what fails everywhere stops the run.</summary>
    private ShardsFailed? Refuse(LeaseId lease, DeviceId device, ShardKey key, string why)
    {
        log.Warning("lease {0}: {1}", lease, why);
        setup.Progress.Report(new ShardRefused(device, key.Step, key.Index, why));
        if (devices.Failed(device))
        {
            setup.Progress.Report(new DeviceChanged(device, NodeState.Benched, why));
        }
        if (!Wants(key))
        {
            return null;
        }
        var failedOn = Leases.Fail(lease, key.Index, device);
        if (devices.IsHopeless(failedOn))
        {
            var where = $"{failedOn.Count} device(s), last on {device}";
            return new ShardsFailed($"shard {key.Index} of step {key.Step} failed on {where}: {why}");
        }
        OfferAll();
        return null;
    }

    private void OfferAll()
    {
        foreach (var device in devices.Waiting)
        {
            Offer(device);
        }
    }

    /// <summary>Leases a shard to a device, or lets it wait.</summary>
    private void Offer(DeviceId device)
    {
        var (worker, now) = (devices.WorkerOf(device), Now);
        var lease = devices.IsBenched(device) ? null : HandsOut(now) ? Leases.Acquire(device, now) : Leases.HeldBy(device);
        if (lease is null)
        {
            worker.Tell(devices.Park(device));
        }
        else
        {
            devices.Busy(device);
            worker.Tell(new ShardLease(lease.Id, lease.Shard, _work.Blob, order.Place.Parent, _work.Behaviour));
            ReportWork(device, lease.Shard.Index, "leased", lease.Fraction);
        }
        ReportShards();
    }

    /// <summary>After an interruption shards are handed out only when everybody had time to say what they hold.</summary>
    private bool HandsOut(DateTimeOffset now) => !order.HandIn || now >= devices.FirstHeard + setup.Leases.HandIn;

    private void Fetch() => results.Continue(_work, order.Adapter.Length, order.Place);

    private void ReportWork(DeviceId device, int shard, string phase, double fraction) =>
        setup.Progress.Report(new DeviceHeard(device, new DeviceWork(_work.Step, shard, Evaluation, phase, fraction)));

    private void ReportShards() => setup.Progress.Report(
        new ShardsChanged(_work.Step, Evaluation, Leases.Done, Leases.Leased, Leases.Total, Leases.Fraction));
}
