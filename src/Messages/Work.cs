namespace AlignProp.Messages;

/// <summary>Marks everything that may travel or be journaled; binds it to <see cref="AlignPropSerializer"/>.</summary>
public interface IAlignPropMessage;

/// <summary>What one reward gave over a step or an evaluation, as the reward itself counts: before weight and normalisation.</summary>
public sealed record RewardScore(string Label, double Mean, double Std);

/// <summary>One image to be made. Every random number comes from its seeds.</summary>
public sealed record ShardSample(string Prompt, ulong NoiseSeed, ulong VarianceSeed);

/// <summary>The unit of work: a pure function of the model files, the adapter and this description.</summary>
/// <param name="Truncation">K: the last K DDIM steps carry gradient; 0 in an evaluation.</param>
public sealed record Shard(RunId Run, int Step, int Index, bool Evaluation, bool WantImages, int Truncation, IReadOnlyList<ShardSample> Samples);

/// <summary>A blob somebody holds: fetched in chunks, checked by its hash.</summary>
public sealed record BlobRef(BlobHash Hash, long Bytes)
{
    /// <summary>64 KiB: half of Akka's default frame, so that heartbeats are never stuck behind one.</summary>
    public const int ChunkBytes = 64 * 1024;

    /// <summary>256 MiB: more than twice the gradient of a rank-128 LoRA of Stable Diffusion 1.5 in fp32. A receiver reserves what is announced, so a larger announcement is not believed.</summary>
    public const long MaxBytes = 256L * 1024 * 1024;

    public int Chunks => (int)((Bytes + ChunkBytes - 1) / ChunkBytes);
}
