namespace AlignProp.Messages;

/// <summary>Marks everything that may travel or be journaled; binds it to <see cref="AlignPropSerializer"/>.</summary>
public interface IAlignPropMessage;

/// <summary>What a shard's numbers depend on besides the adapter and its samples: the same for every shard of a run.</summary>
/// <param name="ModelHash">Fingerprint of the model folder; a node with other files is refused.</param>
/// <param name="Threads">libtorch threads of one shard; part of the run, because it changes the last bits.</param>
public sealed record ShardSettings(
    string ModelPath, string ModelHash, string RewardName, string RewardPath, string RewardHash, double RewardSign,
    string Precision, int Threads, int Steps, double GuidanceScale, double Eta, int Height, int Width, string NegativePrompt,
    string LossKind, double LossTarget, double LossScale, int LoraRank, double LoraAlpha, IReadOnlyList<string> LoraTargets)
{
    /// <summary>For a single-file checkpoint: the folder of its tokenizer.</summary>
    public string TokenizerPath { get; init; } = "";

    /// <summary>Fingerprint of that folder.</summary>
    public string TokenizerHash { get; init; } = "";

    /// <summary>For a single-file checkpoint: auto, epsilon or v_prediction.</summary>
    public string Prediction { get; init; } = "auto";

    /// <summary>How images are decoded where the gradient passes: auto, plain, checkpointed or tiled.</summary>
    public string Decode { get; init; } = "auto";
}

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
