namespace AlignProp.Messages;

/// <summary>A blob somebody holds: fetched in chunks, checked by its hash.</summary>
public sealed record BlobRef(BlobHash Hash, long Bytes)
{
    /// <summary>64 KiB: half of Akka's default frame, so that heartbeats are never stuck behind one.</summary>
    public const int ChunkBytes = 64 * 1024;

    /// <summary>
    /// 256 MiB: more than twice the gradient of a rank-128 LoRA of Stable Diffusion 1.5 in fp32. A receiver reserves what is
    /// announced, so a larger announcement is not believed.
    /// </summary>
    public const long MaxBytes = 256L * 1024 * 1024;

    public static BlobRef Of(ReadOnlySpan<byte> bytes) => new(BlobHash.Of(bytes), bytes.Length);

    public int Chunks => (int)((Bytes + ChunkBytes - 1) / ChunkBytes);
}
