using System.Diagnostics;
using AlignProp.Messages;

namespace AlignProp.Clustering;

/// <summary>Where the span of a fetch hangs.</summary>
/// <param name="What">adapter or result.</param>
public sealed record FetchTrace(TraceLink Place, string What)
{
    /// <inheritdoc cref="TraceLink.Begin"/>
    internal Activity? Begin(BlobRef blob) => Place.Begin(Spans.Fetch)?
        .SetTag(Spans.BlobTag, What).SetTag(Spans.HashTag, blob.Hash.Value).SetTag(Spans.BytesTag, blob.Bytes);
}
