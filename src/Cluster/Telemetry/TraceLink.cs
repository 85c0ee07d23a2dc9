using System.Diagnostics;
using AlignProp.Messages;

namespace AlignProp.Clustering;

/// <summary>A place in a trace: the run and step it is of, and the span that new ones hang below.</summary>
/// <param name="Parent">W3C traceparent; empty = a new trace.</param>
public readonly record struct TraceLink(string Parent, RunId Run, int Step)
{
    /// <summary>Below the span the lease came with.</summary>
    public static TraceLink Of(ShardLease lease) => new(lease.Trace, lease.Shard.Run, lease.Shard.Step);

    /// <summary>The place below a span; the same place where nobody listens.</summary>
    public TraceLink Below(Activity? span) => span?.Id is { } id ? this with { Parent = id } : this;

    /// <summary>
    /// A new span here, to be ended by <see cref="Spans.End"/>; null while nobody listens. It is not made the ambient one: an
    /// actor shares its thread with others, to whose spans it is no parent.
    /// </summary>
    /// <param name="at">When it began, UTC; null = now.</param>
    public Activity? Begin(string name, DateTime? at = null)
    {
        if (!Spans.Activities.HasListeners())
        {
            return null;
        }
        var ambient = Activity.Current;
        // Or it would be the parent of one that begins a trace.
        Activity.Current = null;
        ActivityContext.TryParse(Parent, null, isRemote: true, out var parent);
        var span = Spans.Activities.StartActivity(name, ActivityKind.Internal, parent, startTime: at ?? default(DateTimeOffset));
        Activity.Current = ambient;
        return span?.SetTag(Spans.RunTag, Run.Value).SetTag(Spans.StepTag, Step);
    }
}
