namespace AlignProp.Messages;

/// <summary>What is to be computed of a shard's samples: a closed union, one case a kind of result.</summary>
public abstract record ShardTask
{
    private ShardTask()
    {
    }

    /// <summary>Steps that are computed again on the way back: K of the cost N + 3K.</summary>
    public virtual int RecomputedSteps => 0;

    /// <summary>Whether the samples are scored: a result without scores has no rewards and no terms.</summary>
    public virtual bool Scores => true;

    /// <summary>
    /// Whether the samples are those of the batch's first adapter, the behaviour, which the shard is then told beside its own.
    /// </summary>
    public virtual bool OwnSamples => false;

    /// <summary>Sample and score without gradient; the payload is features, and pictures where they are wanted.</summary>
    public sealed record Evaluate(bool Pictures) : ShardTask;

    /// <summary>The gradient of the reward through the sampling chain; the payload is the LoRA's gradient.</summary>
    public sealed record Reparametrized(GradientPlan Plan) : ShardTask
    {
        public override int RecomputedSteps => Plan.Trained.Count;
    }

    /// <summary>Sample and score without gradient; the payload is the rewards again (<see cref="RewardsPayload"/>).</summary>
    public sealed record Rollout : ShardTask;

    /// <summary>
    /// DDPO's gradient of the clipped ratio on the batch's own samples, every step of the chain one action; the payload is the
    /// LoRA's gradient.
    /// </summary>
    /// <param name="Steps">Of the chain.</param>
    /// <param name="Advantages">One a sample.</param>
    /// <param name="ClipRange">PPO's: ratios are clipped to 1 - c to 1 + c.</param>
    public sealed record PolicyGradient(int Steps, IReadOnlyList<float> Advantages, double ClipRange) : ShardTask
    {
        public override int RecomputedSteps => Steps;

        public override bool Scores => false;

        public override bool OwnSamples => true;
    }

    /// <summary>
    /// The gradient of the denoising loss on the batch's own samples, each with its weight (RWR); the payload is the LoRA's
    /// gradient.
    /// </summary>
    /// <param name="Weights">One a sample, 0 or more.</param>
    /// <param name="Draws">Times and noises drawn for each sample, 1 or more.</param>
    /// <param name="Guided">The guided prediction is trained; else the prompt's alone.</param>
    public sealed record Regression(IReadOnlyList<float> Weights, int Draws, bool Guided) : ShardTask
    {
        public override int RecomputedSteps => Draws;

        public override bool Scores => false;

        public override bool OwnSamples => true;
    }
}
