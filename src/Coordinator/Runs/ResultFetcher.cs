using Akka.Actor;
using AlignProp.Clustering;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Runs;

/// <summary>
/// Fetches announced results in the order of <see cref="ResultQueue"/>, each by a child of the given actor, which is told
/// <see cref="ResultArriving"/> once a second and <see cref="ResultReceived"/> at the end, and answers others meanwhile.
/// </summary>
internal sealed class ResultFetcher(IActorContext context)
{
    // 20 s of silence altogether: the device, if it lives, announces the result again, and another may compute the shard.
    private const int Retries = 10;

    private readonly ResultQueue _queue = new();

    /// <summary>Another step: what was announced before it is of no use.</summary>
    public void Clear() => _queue.Clear();

    /// <summary>The device says so every second, until it is acknowledged.</summary>
    public void Announce(ShardDone done, IActorRef worker) => _queue.Announce(done, worker);

    /// <summary>It came, or did not.</summary>
    public void Ended(LeaseId lease) => _queue.Ended(lease);

    /// <summary>Begins with the results whose turn it is.</summary>
    /// <param name="resultBytes">Size of one result that waits in the sum.</param>
    /// <param name="place">Where spans of fetches hang.</param>
    public void Continue(RoundWork work, long resultBytes, TraceLink place)
    {
        foreach (var (done, worker) in _queue.Start(work.Next, work.Waiting * resultBytes))
        {
            if (!work.Wants(done.Key))
            {
                _queue.Ended(done.Lease);
                worker.Tell(new ShardAcknowledged(done.Lease, false, "already done"));
            }
            else if (context.Child(NameOf(done.Lease)).IsNobody())
            {
                Func<byte[], object> read = work.Read;
                var fetch = BlobFetcher.Props(done.Payload, worker, bytes => ResultReceived.Read(done, worker, read, bytes),
                    new FetchTrace(place, "result"), new ResultArriving(done.Key.Index, done.Device), Retries);
                context.ActorOf(fetch, NameOf(done.Lease));
            }
            else
            {
                // One that was stopped has not ended yet: the device announces the result again within a second.
                _queue.Ended(done.Lease);
            }
        }
    }

    /// <summary>A device that is gone sends no more of what it announced.</summary>
    public void Stop(DeviceId device)
    {
        foreach (var lease in _queue.Drop(device))
        {
            context.Stop(context.Child(NameOf(lease)));
        }
    }

    /// <summary>A lease's id comes from the device: it may hold what no actor's name may.</summary>
    private static string NameOf(LeaseId lease) => $"result-{Uri.EscapeDataString(lease.Value)}";
}
