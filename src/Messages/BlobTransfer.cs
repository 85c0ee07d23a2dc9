using System.Security.Cryptography;

namespace AlignProp.Messages;

/// <summary>
/// Pure state of fetching one blob: a window of chunk requests, the next one sent as each arrives, the whole checked by
/// its SHA-256. Used by nodes for adapters and by the coordinator for results.
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
    public byte[]? Verified() => HashOf(_data) == Blob.Hash ? _data : null;

    public static BlobHash HashOf(ReadOnlySpan<byte> bytes) => new(Convert.ToHexStringLower(SHA256.HashData(bytes)));

    public static BlobRef Describe(ReadOnlySpan<byte> bytes) => new(HashOf(bytes), bytes.Length);

    /// <summary>Chunk <paramref name="index"/> of a blob somebody holds; null when there is no such chunk.</summary>
    public static BlobChunk? ChunkOf(ReadOnlyMemory<byte> bytes, BlobHash hash, int index)
    {
        var from = (long)index * BlobRef.ChunkBytes;
        return index < 0 || from >= bytes.Length ? null : new BlobChunk(hash, index, bytes.Slice((int)from, (int)Math.Min(BlobRef.ChunkBytes, bytes.Length - from)));
    }

    private FetchChunk Request(int index) => new(Blob.Hash, index);

    private long LengthOf(int index) => index < 0 || index >= Blob.Chunks ? -1 : Math.Min(BlobRef.ChunkBytes, Blob.Bytes - (long)index * BlobRef.ChunkBytes);
}
