using System.Diagnostics;
using System.Diagnostics.Metrics;
using AlignProp.Clustering;
using AlignProp.Messages;

namespace AlignProp.GpuNode.Compute;

/// <summary>What is measured of one shard on its device: its span, its phases' below it, how long each took.</summary>
internal sealed class ShardTrace : IDisposable
{
    private static readonly Meter Meter = new(Spans.Source, ClusterNames.Version);
    private static readonly Histogram<double> Duration =
        Meter.CreateHistogram<double>("alignprop.shard.duration", "s", "Seconds of a shard on its device, by phase.");

    private readonly DeviceId _device;
    private readonly TraceLink _place;
    private readonly Activity? _span;
    private readonly DateTime _began = DateTime.UtcNow;

    public ShardTrace(ShardLease lease, DeviceId device)
    {
        (_device, _place) = (device, TraceLink.Of(lease));
        _span = _place.Begin(Spans.Shard, _began)?.SetTag(Spans.RoundTag, lease.Shard.Round)
            .SetTag(Spans.ShardTag, lease.Shard.Index).SetTag(Spans.TaskTag, lease.Shard.Task.GetType().Name.ToLowerInvariant())
            .SetTag(Spans.DeviceTag, device.Value);
    }

    /// <summary>The shard is computed: its phases lie end to end, and what came before them is the load.</summary>
    public void Done(PhaseTimes seconds)
    {
        var end = DateTime.UtcNow;
        var load = (end - _began).TotalSeconds - seconds.Sampling - seconds.Scoring - seconds.Backward;
        var at = _began;
        foreach (var (phase, length) in new[]
        {
            ("load", Math.Max(0, load)), ("sample", seconds.Sampling), ("score", seconds.Scoring), ("backward", seconds.Backward),
        })
        {
            if (length > 0)
            {
                var until = at.AddSeconds(length);
                _place.Below(_span).Begin(phase, at).End(at: until);
                Duration.Record(length, new KeyValuePair<string, object?>("phase", phase), new("device", $"{_device.Device}"));
                at = until;
            }
        }
        _span.End(at: end);
    }

    public void Failed(string error) => _span.End(error);

    /// <summary>Neither done nor failed: the process ends.</summary>
    public void Dispose() => _span.End("cancelled");
}
