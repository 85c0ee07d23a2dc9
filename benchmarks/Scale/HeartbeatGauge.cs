using System.Diagnostics;
using Akka.Configuration;
using Akka.Event;
using Akka.Remote;

namespace AlignProp.Benchmarks.Scale;

/// <summary>Akka's failure detector, which also remembers the longest gap between two heartbeats of any member.</summary>
public sealed class HeartbeatGauge(Config config, EventStream events) : PhiAccrualFailureDetector(config, events)
{
    private static long _longest;
    private long _last;

    public static double LongestGapSeconds => (double)Interlocked.Read(ref _longest) / Stopwatch.Frequency;

    /// <summary>Starts anew.</summary>
    public static void Reset() => Interlocked.Exchange(ref _longest, 0);

    public override void HeartBeat()
    {
        base.HeartBeat();
        var now = Stopwatch.GetTimestamp();
        var gap = _last == 0 ? 0 : now - _last;
        _last = now;
        long longest;
        while ((longest = Interlocked.Read(ref _longest)) < gap
            && Interlocked.CompareExchange(ref _longest, gap, longest) != longest)
        {
        }
    }
}
