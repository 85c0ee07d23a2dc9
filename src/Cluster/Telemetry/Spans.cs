using System.Diagnostics;
using AlignProp.Messages;

namespace AlignProp.Clustering;

/// <summary>What spans and their tags are called (docs/telemetry.md). While nobody listens there are none.</summary>
public static class Spans
{
    /// <summary>Name of the <see cref="ActivitySource"/>, and of every meter.</summary>
    public const string Source = "AlignProp";

    /// <summary>From a step's first round to its commit.</summary>
    public const string Step = "step";

    /// <summary>The held-out prompts, from the first shard to what is kept of them.</summary>
    public const string Evaluation = "evaluation";

    /// <summary>One pass over the batch: its shards are below it.</summary>
    public const string Round = "round";

    /// <summary>A shard on its device.</summary>
    public const string Shard = "shard";

    /// <summary>A blob that travels.</summary>
    public const string Fetch = "fetch";

    /// <summary>AdamW, the store, the journal.</summary>
    public const string Commit = "commit";

    public const string RunTag = "alignprop.run";
    public const string StepTag = "alignprop.step";
    public const string RoundTag = "alignprop.round";
    public const string ShardTag = "alignprop.shard";
    public const string TaskTag = "alignprop.task";
    public const string DeviceTag = "alignprop.device";

    /// <summary>adapter or result.</summary>
    public const string BlobTag = "alignprop.blob";
    public const string HashTag = "alignprop.hash";
    public const string BytesTag = "alignprop.bytes";

    internal static ActivitySource Activities { get; } = new(Source, ClusterNames.Version);

    /// <summary>Ends a span, where there is one; ends it once.</summary>
    /// <param name="error">Why what it spans has failed, or null.</param>
    /// <param name="at">UTC; null = now.</param>
    public static void End(this Activity? span, string? error = null, DateTime? at = null)
    {
        if (span is null || span.IsStopped)
        {
            return;
        }
        if (error is not null)
        {
            span.SetStatus(ActivityStatusCode.Error, error);
        }
        if (at is { } end)
        {
            span.SetEndTime(end);
        }
        var ambient = Activity.Current;
        span.Stop();
        Activity.Current = ambient;
    }
}
