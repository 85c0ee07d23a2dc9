namespace AlignProp.Messages.Configuration;

/// <summary>
/// Everything that decides the bytes of a run's adapter. Each property with a <see cref="KeyAttribute"/> is a key of the strict
/// HOCON run file: a new one is its property here, its line in hocon/runs/defaults.conf, and its use.
/// </summary>
public sealed record RunConfig
{
    [Key("Short name; part of the run's id.", Pattern = "[A-Za-z0-9._-]{1,64}",
        Allowed = "1 to 64 letters, digits, '-', '_' or '.'")]
    public string Name { get; init; } = "run";

    [Key("Seed of every random number of the run.", Min = 0)]
    public ulong Seed { get; init; }

    [Key("How a step's gradient is made: alignprop, draft, refl, drtune, ddpo, rwr, or none; see docs/methods.md.")]
    public string Method { get; init; } = "alignprop";

    /// <summary>A value of <see cref="Memory"/>.</summary>
    public const string Edict = "edict";

    [Key("""
        What the backward pass goes back by: checkpoints = the latents of every step are kept; edict = two coupled chains
        (EDICT), of which only the last latents are kept, and each step is undone. Twice the network calls and four more a
        step of the gradient, other pictures; for alignprop, and draft without copies, with ddim and eta = 0.
        """, OneOf = ["checkpoints", Edict])]
    public string Memory { get; init; } = "checkpoints";

    public ModelConfig Model { get; init; } = new();

    public RewardConfig Reward { get; init; } = new();

    public PromptsConfig Prompts { get; init; } = new();

    public SamplingConfig Sampling { get; init; } = new();

    public TruncationConfig Truncation { get; init; } = new();

    public LossConfig Loss { get; init; } = new();

    public DraftConfig Draft { get; init; } = new();

    public ReflConfig Refl { get; init; } = new();

    public DrtuneConfig Drtune { get; init; } = new();

    public DdpoConfig Ddpo { get; init; } = new();

    public RwrConfig Rwr { get; init; } = new();

    public RegularizationConfig Regularization { get; init; } = new();

    public LoraConfig Lora { get; init; } = new();

    public OptimizerConfig Optimizer { get; init; } = new();

    public BatchConfig Batch { get; init; } = new();

    public EvaluationConfig Evaluation { get; init; } = new();

    public StoppingConfig Stopping { get; init; } = new();
}

public sealed record ModelConfig
{
    [Key("""
        Diffusers folder: model_index.json, unet, vae, text_encoder, tokenizer, scheduler (SDXL: text_encoder_2, tokenizer_2);
        or a single-file checkpoint (v1-5-pruned-emaonly.safetensors and the like), which needs model.tokenizer.
        """, IsPath = true)]
    public string Path { get; init; } = "models/emoji-diffusion";

    [Key("Frozen weights; half precision on CUDA only. LoRA, moments and sums are always fp32.",
        OneOf = ["fp32", "bf16", "fp16"])]
    public string Precision { get; init; } = "fp32";

    [Key("libtorch threads of one shard. Part of the run: another number changes the last bits.", Min = 1, Max = 256)]
    public int ThreadsPerShard { get; init; } = 1;

    [Key("For a single file: folder with CLIP's vocab.json and merges.txt (the tokenizer folder of any Stable Diffusion).",
        IsPath = true)]
    public string Tokenizer { get; init; } = "";

    [Key("""
        For a single file: what its UNet predicts. auto = v_prediction for SD 2 and for files that say so, epsilon otherwise
        (SD 2 base models at 512 pixels need epsilon).
        """, OneOf = ["auto", "epsilon", "v_prediction"])]
    public string Prediction { get; init; } = "auto";

    [Key("""
        How images are decoded where the gradient passes: auto = plain up to 256 x 256 pixels, checkpointed above (same numbers,
        less memory); tiled = least memory, slightly other images.
        """, OneOf = ["auto", "plain", "checkpointed", "tiled"])]
    public string Decode { get; init; } = "auto";
}

public sealed record RewardConfig
{
    [Key("One reward: a name that `alignprop rewards` lists, or torchscript:FILE.")]
    public string Name { get; init; } = "preference";

    [Key("Folder of the reward model; not looked at by rewards without files.", IsPath = true)]
    public string Path { get; init; } = "models/emoji-preference";

    [Key("1 raises the reward, -1 lowers it.", Min = -1, Max = 1, Allowed = "1 or -1")]
    public int Sign { get; init; } = 1;

    [Key("What a detector looks for (concept-removal, count), e.g. [\"a book\", \"a magazine\"].")]
    public IReadOnlyList<string> Words { get; init; } = [];

    [Key("JPEG quality of compressibility, incompressibility and jpeg-bytes.", Min = 1, Max = 100)]
    public int Quality { get; init; } = 90;

    [Key("""
        A weighted sum instead: R = sum of weight (r - mean) / std, each r logged apart. Where the list is not empty, name,
        path and sign above count no more. Keys of a term, with what holds when it is left out: name, path = "", weight = 1,
        mean = 0, std = 1, words = [], quality = 90, good-words = "", bad-words = "" (both: a relative reward, the score with
        the first behind the prompt less the one with the second). The evaluation before the first step prints every r with
        its mean and spread: numbers to put here.

        terms = [ { name = preference, path = "models/emoji-preference", std = 4 }, { name = symmetry, weight = 0.3 } ]
        """)]
    public IReadOnlyList<RewardTermConfig> Terms { get; init; } = [];

    /// <summary>What is trained on: the terms, or the one reward as a sum of one.</summary>
    public IReadOnlyList<RewardTermConfig> Sum =>
        Terms.Count > 0 ? Terms
            : [new RewardTermConfig { Name = Name, Path = Path, Weight = Sign, Words = Words, Quality = Quality }];

    /// <summary>For people: the names, with the weights where they say something.</summary>
    public string Summary =>
        string.Join(" + ", Sum.Select(t => t.Weight == 1 ? t.Name : FormattableString.Invariant($"{t.Weight} {t.Name}")));

    /// <summary>With <c>torchscript:FILE</c> taken apart.</summary>
    internal RewardConfig WithFileApart() =>
        new RewardTermConfig { Name = Name, Path = Path }.WithFileApart() is var term
            ? this with { Name = term.Name, Path = term.Path } : this;
}

/// <summary>One reward r of a weighted sum: it adds Weight (r - Mean) / Std.</summary>
public sealed record RewardTermConfig
{
    private const string TorchScript = "torchscript:";

    [Key("A name that `alignprop rewards` lists, or torchscript:FILE.")]
    public string Name { get; init; } = "";

    [Key("Folder or file of the reward model.", IsPath = true)]
    public string Path { get; init; } = "";

    [Key("Factor in the sum.", Min = -1e9, Max = 1e9)]
    public double Weight { get; init; } = 1;

    [Key("What is subtracted from r.", Min = -1e9, Max = 1e9)]
    public double Mean { get; init; }

    [Key("What r is divided by.", Min = 1e-9, Max = 1e9)]
    public double Std { get; init; } = 1;

    [Key("What a detector looks for.")]
    public IReadOnlyList<string> Words { get; init; } = [];

    [Key("JPEG quality.", Min = 1, Max = 100)]
    public int Quality { get; init; } = 90;

    [Key("""
        Words put behind the prompt for a relative reward: r = score(prompt, these) - score(prompt, bad-words), for a reward that
        reads the prompt. "" for both = the score of the prompt itself.
        """)]
    public string GoodWords { get; init; } = "";

    [Key("The words it is compared with.")]
    public string BadWords { get; init; } = "";

    /// <summary>Whether it is the difference of two scores.</summary>
    public bool IsRelative => GoodWords != BadWords;

    /// <summary>With <c>torchscript:FILE</c> taken apart.</summary>
    internal RewardTermConfig WithFileApart() => Name.StartsWith(TorchScript, StringComparison.Ordinal)
        ? this with { Name = "torchscript", Path = ProjectFolder.Resolve(Name[TorchScript.Length..]) }
        : this;
}

public sealed record PromptsConfig
{
    [Key("Text file, one prompt a line; # begins a comment.", IsPath = true)]
    public string Training { get; init; } = "prompts/animals-training.txt";

    [Key("The same; never trained on.", IsPath = true)]
    public string HeldOut { get; init; } = "prompts/animals-heldout.txt";
}

public sealed record SamplingConfig
{
    /// <summary>A value of <see cref="Sampler"/>.</summary>
    public const string Ancestral = "ancestral";

    [Key("Steps N of the chain.", Min = 1, Max = 1000)]
    public int Steps { get; init; } = 50;

    [Key("ddim, or ancestral: DDPM's own steps, which draw noise whatever eta is.", OneOf = ["ddim", Ancestral])]
    public string Sampler { get; init; } = "ddim";

    [Key("Classifier-free guidance, 1 = none; the gradient goes through both branches.", Min = 1, Max = 100)]
    public double GuidanceScale { get; init; } = 5;

    [Key("0 = deterministic DDIM (the paper), 1 = DDPM's variance (the official code).", Min = 0, Max = 1)]
    public double Eta { get; init; }

    [Key("Pixels; 0 = the model's own size.", Min = 0, Max = 8192)]
    public int Height { get; init; }

    [Key("Pixels; 0 = the model's own size.", Min = 0, Max = 8192)]
    public int Width { get; init; }

    [Key("What the unconditional branch is told instead of nothing.")]
    public string NegativePrompt { get; init; } = "";
}

public sealed record TruncationConfig
{
    [Key("""
        How many of the last steps carry gradient, drawn once per chain:
        uniform (K in 1..N), fixed (k), gaussian (cut around mean with std; K = N - cut), full (K = N).
        """, OneOf = ["uniform", "fixed", "gaussian", "full"])]
    public string Strategy { get; init; } = "uniform";

    [Key("For fixed: K, at most sampling.steps.", Min = 1, Max = 1000)]
    public int K { get; init; } = 1;

    [Key("For gaussian: mean of the cut.", Min = 0, Max = 1000)]
    public double Mean { get; init; } = 42;

    [Key("For gaussian: its standard deviation; redrawn until 1 <= cut < N.", Min = 0, Max = 1000)]
    public double Std { get; init; } = 5;
}

public sealed record LossConfig
{
    [Key("negative-reward: -mean R; distance: mean |R - target|; hinge: mean max(0, target - R).",
        OneOf = ["negative-reward", "distance", "hinge"])]
    public string Kind { get; init; } = "negative-reward";

    [Key("For distance and hinge.", Min = -1e9, Max = 1e9, Allowed = "any")]
    public double Target { get; init; } = 10;

    [Key("Factor on the loss.", Min = 1e-12, Max = 1e12, Allowed = "above 0")]
    public double Scale { get; init; } = 1;
}

public sealed record LoraConfig
{
    [Key("Rank r of every branch B A.", Min = 1, Max = 1024)]
    public int Rank { get; init; } = 4;

    [Key("The branch is scaled by alpha / rank.", Min = 1e-6, Max = 1e6, Allowed = "above 0")]
    public double Alpha { get; init; } = 4;

    [Key("""
        Endings of the names of layers that get a branch, linear or convolution; all-linear = every linear layer of the
        denoiser. The default is the attention projections, as diffusers and PEFT have it.
        """, OneOf = ["all-linear"])]
    public IReadOnlyList<string> Targets { get; init; } = ["to_q", "to_k", "to_v", "to_out.0"];

    [Key("""
        A LoRA to begin with: a file of diffusers or kohya, or a PEFT folder, of this rank and these targets; its own alpha
        counts. "" = begin with nothing.
        """, IsPath = true)]
    public string Init { get; init; } = "";

    [Key("SHA-256 of adapter 0 as made of init; `train` fills it in, and a run goes on only with the same one.",
        Pattern = "([0-9a-f]{64})?", Allowed = "64 hexadecimal digits, or \"\"")]
    public string InitSha256 { get; init; } = "";
}

/// <summary>AdamW.</summary>
public sealed record OptimizerConfig
{
    [Key("AdamW's step size.", Min = 0, Max = 1)]
    public double LearningRate { get; init; } = 0.001;

    [Key("Decay of the gradient's mean.", Min = 0, Max = 0.999999)]
    public double Beta1 { get; init; } = 0.9;

    [Key("Decay of the squared gradient's mean.", Min = 0, Max = 0.999999999)]
    public double Beta2 { get; init; } = 0.999;

    [Key("Decoupled from the gradient.", Min = 0, Max = 1)]
    public double WeightDecay { get; init; } = 0.0001;

    [Key("Added to the denominator.", Min = 1e-16, Max = 1)]
    public double Epsilon { get; init; } = 0.00000001;

    [Key("The gradient's norm is clipped to this; 0 = off.", Min = 0, Max = 1e9, Allowed = "0 or more")]
    public double MaxGradNorm { get; init; } = 1;
}

public sealed record BatchConfig
{
    [Key("Samples a step.", Min = 1, Max = 65536)]
    public int Size { get; init; } = 16;

    [Key("Samples a shard, the unit of work; divides size.", Min = 1, Max = 65536)]
    public int ShardSize { get; init; } = 8;

    [Key("0 = once through the training prompts (rounded up).", Min = 0, Max = 1_000_000)]
    public int StepsPerEpoch { get; init; }

    /// <summary>Shards a step.</summary>
    public int Shards => Size / ShardSize;
}

public sealed record EvaluationConfig
{
    [Key("Fixed seeds per held-out prompt.", Min = 1, Max = 64)]
    public int SamplesPerPrompt { get; init; } = 2;

    [Key("Prompts in the before/after grid, half held-out, half training.", Min = 0, Max = 64)]
    public int GridPrompts { get; init; } = 16;

    [Key("Evaluate after every this many epochs, and always before the first step and at the end.", Min = 1, Max = 1_000_000)]
    public int EveryEpochs { get; init; } = 1;

    [Key("""
        Evaluations draw with the adapter from this time of the chain on, 1 = pure noise, 0 = the picture ...
        """, Min = 0, Max = 1)]
    public double LoraFrom { get; init; } = 1;

    [Key("... to this one; outside the base model draws. Much of what over-optimisation spoils happens in late, small steps.",
        Min = 0, Max = 1)]
    public double LoraTo { get; init; }

    [Key("Rewards that are measured and not trained on: an eye on what the trained reward does not see. "
        + "Terms as above, weight and mean unused.")]
    public IReadOnlyList<RewardTermConfig> Rewards { get; init; } = [];
}

public sealed record StoppingConfig
{
    [Key("Early stopping is AlignProp's guard against overfitting the reward.", Min = 1, Max = 1_000_000)]
    public int MaxEpochs { get; init; } = 10;

    [Key("Stop after this many evaluations without a rise of plateau-delta; 0 = off.", Min = 0, Max = 1_000_000)]
    public int PlateauEpochs { get; init; }

    [Key("By how much the held-out reward must rise.", Min = 0, Max = 1e9, Allowed = "0 or more")]
    public double PlateauDelta { get; init; }

    [Key("Stop when the held-out reward reaches it; off = never.", Min = -1e9, Max = 1e9, Allowed = "any, or off")]
    public double? TargetReward { get; init; }

    [Key("""
        Rewards of evaluation.rewards or of the sum, each with how far it may fall: ["symmetry 0.1"] stops the run when the
        held-out mean of symmetry lies more than 0.1 below its best. Adapters beyond that are not taken for the best one either.
        """)]
    public IReadOnlyList<string> Watch { get; init; } = [];

    [Key("Stop when the diversity between prompts falls below this share of its start (collapse guard); 0 = off.",
        Min = 0, Max = 1)]
    public double MinDiversity { get; init; } = 0.5;
}
