using System.Diagnostics;
using AlignProp.Messages;

namespace AlignProp.Clustering.Tests.Telemetry;

/// <summary>Spans that hang where they are told to, whatever the thread they are begun on belongs to.</summary>
public sealed class TraceLinkTests
{
    private static readonly TraceLink Place = new("", new RunId("links"), 3);

    [Fact]
    public void A_span_hangs_below_the_one_it_is_told_and_the_ambient_one_stays_what_it_was()
    {
        using var listening = Listen();
        using var ambient = new Activity("another's").Start();
        var root = Place.Begin(Spans.Step);
        var below = Place.Below(root).Begin(Spans.Round);
        Assert.Same(ambient, Activity.Current);
        Assert.Equal((default(ActivitySpanId), root!.SpanId), (root.ParentSpanId, below!.ParentSpanId));
        Assert.NotEqual(ambient.TraceId, root.TraceId);
        below.End("too late");
        root.End();
        Assert.Same(ambient, Activity.Current);
        Assert.Equal((ActivityStatusCode.Error, "too late"), (below.Status, below.StatusDescription));
        Assert.Equal(("links", 3), (below.GetTagItem(Spans.RunTag), (int)below.GetTagItem(Spans.StepTag)!));
    }

    [Fact]
    public void A_span_ends_once()
    {
        using var listening = Listen();
        var span = Place.Begin(Spans.Commit);
        span.End(at: span!.StartTimeUtc.AddSeconds(2));
        span.End("again");
        Assert.Equal((TimeSpan.FromSeconds(2), ActivityStatusCode.Unset), (span.Duration, span.Status));
    }

    [Fact]
    public void A_parent_that_is_none_begins_a_trace()
    {
        using var listening = Listen();
        Assert.Equal(default, (Place with { Parent = "no traceparent" }).Begin(Spans.Shard)!.ParentSpanId);
    }

    private static ActivityListener Listen()
    {
        var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == Spans.Source,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
        };
        ActivitySource.AddActivityListener(listener);
        return listener;
    }
}
