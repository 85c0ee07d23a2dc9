namespace AlignProp.Messages.Configuration;

/// <summary>DRaFT (Clark et al., 2024).</summary>
public sealed record DraftConfig
{
    [Key("K: the gradient goes through the last K steps, the same K each time; at most sampling.steps.", Min = 1, Max = 1000)]
    public int K { get; init; } = 1;

    [Key("DRaFT-LV: copies of x_0 that are noised and denoised once more, the loss being the mean; needs k = 1. 0 = none.",
        Min = 0, Max = 64)]
    public int Copies { get; init; }
}

/// <summary>ReFL (Xu et al., 2023).</summary>
public sealed record ReflConfig
{
    [Key("Of the last this many steps one is drawn per shard: its predicted x_0 is decoded and scored. At most sampling.steps.",
        Min = 1, Max = 1000)]
    public int Late { get; init; } = 10;
}

/// <summary>DRTune (Wu et al., 2024).</summary>
public sealed record DrtuneConfig
{
    [Key("K: trained steps, evenly spaced over what is run of the chain.", Min = 1, Max = 1000)]
    public int K { get; init; } = 5;

    [Key("The chain is left up to this share of its steps before the end; 0 = never.", Min = 0, Max = 0.9)]
    public double EarlyStop { get; init; } = 0.4;
}

/// <summary>DDPO (Black et al., 2023).</summary>
public sealed record DdpoConfig
{
    [Key("Optimizer steps on each batch of samples.", Min = 1, Max = 100)]
    public int InnerEpochs { get; init; } = 1;

    [Key("PPO's clip range c of the ratio of probabilities.", Min = 1e-9, Max = 1, Allowed = "above 0, to 1")]
    public double ClipRange { get; init; } = 0.0001;

    [Key("Advantages are clipped to plus and minus this.", Min = 1e-6, Max = 1e6, Allowed = "above 0")]
    public double AdvantageClip { get; init; } = 5;

    [Key("What a reward is compared with: prompt = the last rewards of its prompt, batch = its batch.",
        OneOf = ["prompt", "batch"])]
    public string Statistics { get; init; } = "prompt";

    [Key("For prompt: how many of a prompt's last rewards are looked at.", Min = 2, Max = 100_000)]
    public int Buffer { get; init; } = 16;

    [Key("For prompt: with fewer rewards than this the whole batch is looked at.", Min = 2, Max = 100_000)]
    public int MinCount { get; init; } = 4;
}

/// <summary>Reward-weighted regression (Peters and Schaal, 2007; Lee et al., 2023).</summary>
public sealed record RwrConfig
{
    [Key("""
        How a sample's weight comes from its reward r: softmax (of beta r over the batch), prompt (the same within each prompt),
        normalised (softmax of r less its mean, by its deviation), sparse (1 from the percentile on, 0 below), linear (r brought
        to 0..1). The loss is a mean: weights of softmax are 1 on average.
        """, OneOf = ["softmax", "prompt", "normalised", "sparse", "linear"])]
    public string Weights { get; init; } = "softmax";

    [Key("Factor on the reward in the softmax: larger trusts the best samples more.", Min = 0, Max = 1e6,
        Allowed = "0 or more")]
    public double Beta { get; init; } = 0.2;

    [Key("For sparse: rewards from this percentile of the batch on are kept.", Min = 0, Max = 100)]
    public double Percentile { get; init; } = 60;

    [Key("Optimizer steps on each batch of samples.", Min = 1, Max = 100)]
    public int Passes { get; init; } = 1;

    [Key("Times and noises drawn for each sample in a step.", Min = 1, Max = 1000)]
    public int Draws { get; init; } = 4;

    [Key("What is trained: conditional = the prediction for the prompt, guided = the one under guidance.",
        OneOf = ["conditional", "guided"])]
    public string Prediction { get; init; } = "conditional";
}

/// <summary>What keeps the model near its base.</summary>
public sealed record RegularizationConfig
{
    [Key("""
        Weight of the mean squared distance between the predictions with and without LoRA on the trained steps, added to the
        loss of the methods that go through the chain (alignprop, draft, refl, drtune). 0 = off.
        """, Min = 0, Max = 1e9, Allowed = "0 or more")]
    public double Drift { get; init; }
}
