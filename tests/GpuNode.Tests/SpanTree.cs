using System.Diagnostics;
using System.Globalization;
using System.Text;
using AlignProp.Clustering;

namespace AlignProp.GpuNode.Tests;

/// <summary>A trace as text: a line a span, with when it began after the root and how long it took.</summary>
internal static class SpanTree
{
    // In this order below one parent, those of a name by their numbers: the same tree is the same text.
    private static readonly string[] Order =
        [Spans.Round, Spans.Fetch, Spans.Shard, "load", "sample", "score", "backward", Spans.Commit];

    private static readonly string[] Told =
    [
        Spans.RunTag, Spans.StepTag, Spans.RoundTag, Spans.ShardTag, Spans.TaskTag, Spans.DeviceTag, Spans.BlobTag,
        Spans.BytesTag,
    ];

    public static string Render(Activity root, IReadOnlyList<Activity> spans)
    {
        var text = new StringBuilder();
        Add(root, "", "");
        return text.ToString();

        void Add(Activity span, string first, string rest)
        {
            var tags = Told.Where(t => span == root || t is not (Spans.RunTag or Spans.StepTag))
                .Select(t => (Name: t["alignprop.".Length..], Value: span.GetTagItem(t)))
                .Where(t => t.Value is not null).Select(t => $" {t.Name}={t.Value}");
            var (at, length) = ((span.StartTimeUtc - root.StartTimeUtc).TotalMilliseconds, span.Duration.TotalMilliseconds);
            var what = $"{first}{span.OperationName}{string.Concat(tags)}";
            text.Append(CultureInfo.InvariantCulture, $"{at,5:F0} ms {length,5:F0} ms  {what}\n");
            var below = spans.Where(s => s.ParentSpanId == span.SpanId)
                .OrderBy(s => Array.IndexOf(Order, s.OperationName)).ThenBy(s => $"{s.GetTagItem(Spans.BlobTag)}")
                .ThenBy(s => s.GetTagItem(Spans.ShardTag)).ThenBy(s => s.StartTimeUtc).ToList();
            for (var i = 0; i < below.Count; i++)
            {
                var last = i == below.Count - 1;
                Add(below[i], $"{rest}{(last ? "└ " : "├ ")}", $"{rest}{(last ? "  " : "│ ")}");
            }
        }
    }
}
