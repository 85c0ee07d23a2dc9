namespace AlignProp.Messages;

/// <summary>What is to be computed of a shard's samples: a closed union, one case a kind of result.</summary>
public abstract record ShardTask
{
    private ShardTask()
    {
    }

    /// <summary>Steps that are computed again on the way back: K of the cost N + 3K.</summary>
    public virtual int RecomputedSteps => 0;

    /// <summary>Sample and score without gradient; the payload is features, and pictures where they are wanted.</summary>
    public sealed record Evaluate(bool Pictures) : ShardTask;

    /// <summary>The gradient of the reward through the sampling chain; the payload is the LoRA's gradient.</summary>
    public sealed record Reparametrized(GradientPlan Plan) : ShardTask
    {
        public override int RecomputedSteps => Plan.Trained.Count;
    }
}
