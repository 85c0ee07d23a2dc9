namespace AlignProp.Messages;

/// <summary>Marks everything that may travel or be journaled; binds it to <see cref="AlignPropSerializer"/>.</summary>
public interface IAlignPropMessage;

/// <summary>What a shard's numbers depend on besides the adapter and its samples: the same for every shard of a run.</summary>
/// <param name="ModelHash">Fingerprint of the model folder; a node with other files is refused.</param>
/// <param name="Rewards">What is trained on: the reward is their weighted sum.</param>
/// <param name="EvaluationRewards">What evaluations measure besides, without being trained on.</param>
/// <param name="Threads">libtorch threads of one shard; part of the run, because it changes the last bits.</param>
public sealed record ShardSettings(
    string ModelPath, string ModelHash, IReadOnlyList<RewardTerm> Rewards, IReadOnlyList<RewardTerm> EvaluationRewards,
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

    /// <summary>Whether a model loaded for these settings serves the others too.</summary>
    public bool SameAs(ShardSettings other) =>
        this with { Rewards = [], EvaluationRewards = [], LoraTargets = [] } == other with { Rewards = [], EvaluationRewards = [], LoraTargets = [] }
        && Rewards.SequenceEqual(other.Rewards) && EvaluationRewards.SequenceEqual(other.EvaluationRewards) && LoraTargets.SequenceEqual(other.LoraTargets);
}

/// <summary>One reward r of a weighted sum; it adds Weight (r - Mean) / Std.</summary>
/// <param name="Label">How it is called in reports; no two of a run are the same.</param>
/// <param name="Path">Its folder or file; empty for a reward without files.</param>
/// <param name="Hash">Fingerprint of everything it reads.</param>
/// <param name="Words">What a detector looks for, separated by line ends; empty for the others.</param>
/// <param name="Quality">JPEG quality, 1 to 100, of the codec rewards.</param>
public sealed record RewardTerm(string Label, string Name, string Path, string Hash, double Weight, double Mean, double Std, string Words, int Quality);

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

    /// <summary>What somebody who holds these bytes announces.</summary>
    public static BlobRef Of(ReadOnlySpan<byte> bytes) => new(BlobHash.Of(bytes), bytes.Length);
}
