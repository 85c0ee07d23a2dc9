namespace AlignProp.Messages.Configuration;

/// <summary>Everything that decides the bytes of a run's adapter. Read from a strict HOCON run file; written back resolved.</summary>
public sealed record RunConfig
{
    /// <summary>Short name of the run file, e.g. <c>emoji-preference</c>; part of the run id.</summary>
    public required string Name { get; init; }

    /// <summary>Seed of every random number of the run.</summary>
    public required ulong Seed { get; init; }

    public required ModelConfig Model { get; init; }
    public required RewardConfig Reward { get; init; }
    public required PromptsConfig Prompts { get; init; }
    public required SamplingConfig Sampling { get; init; }
    public required TruncationConfig Truncation { get; init; }
    public required LossConfig Loss { get; init; }
    public required LoraConfig Lora { get; init; }
    public required OptimizerConfig Optimizer { get; init; }
    public required BatchConfig Batch { get; init; }
    public required EvaluationConfig Evaluation { get; init; }
    public required StoppingConfig Stopping { get; init; }
}

/// <param name="Path">Diffusers folder (model_index.json and parts) or single-file checkpoint, absolute or relative to the working directory.</param>
/// <param name="Precision">fp32, bf16 or fp16 for the frozen weights; LoRA and reductions are always fp32. On the CPU only fp32.</param>
/// <param name="ThreadsPerShard">libtorch intra-op threads of one shard: part of the run, because it changes the last bits.</param>
public sealed record ModelConfig(string Path, string Precision, int ThreadsPerShard)
{
    /// <summary>For a single file: a folder with CLIP's vocab.json and merges.txt.</summary>
    public string Tokenizer { get; init; } = "";

    /// <summary>For a single file: auto, epsilon or v_prediction.</summary>
    public string Prediction { get; init; } = "auto";

    /// <summary>auto, plain, checkpointed or tiled.</summary>
    public string Decode { get; init; } = "auto";
}

/// <param name="Name">A reward of <see cref="Adapters.RewardCatalog"/>.</param>
/// <param name="Path">Folder or file of the reward model; empty for a reward without files.</param>
/// <param name="Sign">+1 to raise the reward, -1 to lower it (e.g. compressibility = -1 x JPEG bytes).</param>
public sealed record RewardConfig(string Name, string Path, double Sign)
{
    /// <summary>What a detector looks for.</summary>
    public IReadOnlyList<string> Words { get; init; } = [];

    /// <summary>JPEG quality of the codec rewards, 1 to 100.</summary>
    public int Quality { get; init; } = 90;

    /// <summary>A weighted sum; where it is not empty it stands in the place of the one reward above.</summary>
    public IReadOnlyList<RewardTermConfig> Terms { get; init; } = [];

    /// <summary>What is trained on: the terms, or the one reward as a sum of one.</summary>
    public IReadOnlyList<RewardTermConfig> Sum => Terms.Count > 0 ? Terms : [new RewardTermConfig(Name, Path) { Weight = Sign, Words = Words, Quality = Quality }];

    /// <summary>For people: the names, with the weights where they say something.</summary>
    public string Summary => string.Join(" + ", Sum.Select(t => t.Weight == 1 ? t.Name : FormattableString.Invariant($"{t.Weight} {t.Name}")));
}

/// <summary>One reward r of a weighted sum: it adds Weight (r - Mean) / Std.</summary>
public sealed record RewardTermConfig(string Name, string Path)
{
    public double Weight { get; init; } = 1;

    public double Mean { get; init; }

    public double Std { get; init; } = 1;

    /// <inheritdoc cref="RewardConfig.Words"/>
    public IReadOnlyList<string> Words { get; init; } = [];

    /// <inheritdoc cref="RewardConfig.Quality"/>
    public int Quality { get; init; } = 90;
}

/// <param name="Training">Text file, one prompt a line; empty lines and # comments are skipped.</param>
/// <param name="HeldOut">Same format; never trained on.</param>
public sealed record PromptsConfig(string Training, string HeldOut);

/// <param name="Steps">DDIM steps N.</param>
/// <param name="Eta">DDIM eta; 0 is the paper's deterministic chain.</param>
/// <param name="Height">Pixels; 0 = the model's own size.</param>
public sealed record SamplingConfig(int Steps, double GuidanceScale, double Eta, int Height, int Width, string NegativePrompt);

/// <param name="Strategy">uniform (K ~ U{1..N}), fixed (K), gaussian (cut ~ N(Mean, Std), redrawn until 1 &lt;= cut &lt; N; K = N - cut), full (K = N).</param>
public sealed record TruncationConfig(string Strategy, int K, double Mean, double Std);

/// <param name="Kind">negative-reward: -mean R; distance: mean |R - Target|.</param>
/// <param name="Scale">Factor on the loss.</param>
public sealed record LossConfig(string Kind, double Target, double Scale);

/// <param name="Alpha">LoRA alpha; the branch is scaled by alpha / rank.</param>
/// <param name="Targets">Module name endings inside attention, e.g. to_q, to_k, to_v, to_out.0.</param>
/// <param name="Init">A LoRA the run begins with (a file of diffusers or kohya, or a PEFT folder); empty = one that changes nothing.</param>
/// <param name="InitSha256">SHA-256 of adapter 0 as made of Init; empty until the run begins.</param>
public sealed record LoraConfig(int Rank, double Alpha, IReadOnlyList<string> Targets, string Init = "", string InitSha256 = "");

public sealed record OptimizerConfig(double LearningRate, double Beta1, double Beta2, double WeightDecay, double Epsilon, double MaxGradNorm);

/// <param name="Size">Samples a step.</param>
/// <param name="ShardSize">Samples a shard: the unit of work. Divides Size.</param>
/// <param name="StepsPerEpoch">0 = once through the training prompts (rounded up).</param>
public sealed record BatchConfig(int Size, int ShardSize, int StepsPerEpoch);

/// <param name="SamplesPerPrompt">Fixed seeds per held-out prompt.</param>
/// <param name="GridPrompts">How many prompts (training first, then held-out) the before/after grid shows.</param>
/// <param name="EveryEpochs">Evaluate after every this many epochs (and always before the first step and at the end).</param>
public sealed record EvaluationConfig(int SamplesPerPrompt, int GridPrompts, int EveryEpochs)
{
    /// <summary>Rewards that are measured and not trained on.</summary>
    public IReadOnlyList<RewardTermConfig> Rewards { get; init; } = [];
}

/// <param name="MaxEpochs">Stop after this many epochs.</param>
/// <param name="PlateauEpochs">Stop when the held-out reward has not risen by PlateauDelta for this many evaluations; 0 = off.</param>
/// <param name="TargetReward">Stop when the held-out reward reaches it; null = off.</param>
/// <param name="MinDiversity">Stop when diversity between prompts falls below this share of its value before training; 0 = off.</param>
public sealed record StoppingConfig(int MaxEpochs, int PlateauEpochs, double PlateauDelta, double? TargetReward, double MinDiversity);
