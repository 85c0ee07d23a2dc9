using AlignProp.Messages;

namespace AlignProp.Clustering;

/// <summary>
/// Pure state of fetching one blob: a window of chunk requests, the next one sent as each arrives, the whole checked by
/// its SHA-256.
/// </summary>
public sealed class BlobTransfer(BlobRef blob)
{
    /// <summary>Requests on their way at once: enough to hide a round trip, few enough to leave room for heartbeats.</summary>
    public const int Window = 16;

    private readonly byte[] _data = new byte[blob.Bytes];
    private readonly HashSet<int> _missing = [.. Enumerable.Range(0, blob.Chunks)];
    private int _next = Math.Min(Window, blob.Chunks);

    public BlobRef Blob { get; } = blob;

    public bool IsComplete => _missing.Count == 0;

    /// <summary>The first requests.</summary>
    public IEnumerable<FetchChunk> Start() => Enumerable.Range(0, _next).Select(Request);

    /// <summary>Everything asked for and not received: to be asked again after silence.</summary>
    public IEnumerable<FetchChunk> Retry() => _missing.Where(i => i < _next).Select(Request);

    /// <summary>Takes a chunk; returns the next request, or null. Repeated, foreign or ill-sized chunks are ignored.</summary>
    public FetchChunk? Receive(BlobChunk chunk)
    {
        if (chunk.Hash != Blob.Hash || chunk.Data.Length != LengthOf(chunk.Index) || !_missing.Remove(chunk.Index))
        {
            return null;
        }
        chunk.Data.Span.CopyTo(_data.AsSpan(chunk.Index * BlobRef.ChunkBytes));
        return _next < Blob.Chunks ? Request(_next++) : null;
    }

    /// <summary>The whole blob, or null when its bytes do not have the hash they were announced with.</summary>
    public byte[]? Verified() => BlobHash.Of(_data) == Blob.Hash ? _data : null;

    /// <summary>The holder's side: the chunk that is asked for, or <see cref="BlobMissing"/>.</summary>
    /// <param name="held">The blob of that hash; null where it is not held.</param>
    public static IAlignPropMessage Answer(FetchChunk fetch, byte[]? held)
    {
        var from = (long)fetch.Index * BlobRef.ChunkBytes;
        if (held is null || from < 0 || from >= held.Length)
        {
            return new BlobMissing(fetch.Hash);
        }
        var length = (int)Math.Min(BlobRef.ChunkBytes, held.Length - from);
        return new BlobChunk(fetch.Hash, fetch.Index, held.AsMemory((int)from, length));
    }

    private FetchChunk Request(int index) => new(Blob.Hash, index);

    private long LengthOf(int index) =>
        index < 0 || index >= Blob.Chunks ? -1 : Math.Min(BlobRef.ChunkBytes, Blob.Bytes - (long)index * BlobRef.ChunkBytes);
}
