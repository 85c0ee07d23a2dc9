using System.Data.Common;
using System.Net.Sockets;
using Akka.Actor;
using Akka.Cluster;
using AlignProp.Coordinator.Storage;

namespace AlignProp.Coordinator.Runs;

/// <summary>
/// Who leads when coordinators do not reach each other: the leader gives signs of life in the run's database, and a standby that
/// sees none for a while begins a cluster of its own.
/// </summary>
/// <param name="sign">Null where the run is in no database.</param>
internal sealed class Succession(LeaderSign? sign, IProgress<RunProgress> progress) : IDisposable
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(2);

    private volatile bool _over;

    /// <summary>While this one leads it says so, for a standby that reaches nobody.</summary>
    public async Task BeatAsync(ActorSystem system, Leadership leadership, TimeSpan interval)
    {
        while (sign is not null && !_over && !Cluster.Get(system).IsTerminated)
        {
            if (leadership.Led)
            {
                await Task.Run(() => Try(() => { sign.Beat(leadership.Host); return true; }));
            }
            await Task.WhenAny(system.WhenTerminated, Task.Delay(interval));
        }
    }

    /// <summary>
    /// Every coordinator may have been cut off, each from another, or the leader may have died before its standby was let in:
    /// each would wait for the others. When nobody answers, and in the database nobody commits or gives a sign of life meanwhile,
    /// nobody leads.
    /// </summary>
    public async Task BeginAloneAsync(ActorSystem system, TimeSpan patience)
    {
        var cluster = Cluster.Get(system);
        var (last, still) = (LastSign(), TimeSpan.Zero);
        while (still < patience)
        {
            await Task.Delay(LookInterval);
            if (_over || cluster.IsUp || cluster.IsTerminated)
            {
                return;
            }
            var now = LastSign();
            (last, still) = (now, now is not null && now == last ? still + LookInterval : TimeSpan.Zero);
        }
        var why = $"no other coordinator answers, commits or gives a sign of life for {patience.TotalSeconds:F0} s";
        progress.Report(new RunNotice($"{why}; leading now", NoticeKind.Takeover));
        cluster.Join(cluster.SelfAddress);
    }

    public void Dispose()
    {
        _over = true;
        sign?.Dispose();
    }

    /// <summary>Null while the database is away.</summary>
    private (long Event, long Beat)? LastSign() => sign is null ? (0, 0) : Try(sign.Last);

    private static T? Try<T>(Func<T> ask) where T : struct
    {
        try
        {
            return ask();
        }
        catch (Exception e) when (e is DbException or SocketException or TimeoutException or ObjectDisposedException)
        {
            return null;
        }
    }
}
