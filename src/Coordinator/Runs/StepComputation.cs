using AlignProp.Adapters;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Runs;

/// <summary>Averaged gradient -> clipped -> AdamW -> the next adapter. Pure.</summary>
public static class StepComputation
{
    public static (LoraWeights Adapter, AdamWState Moments, double GradNorm) Next(
        OptimizerConfig config, LoraWeights adapter, AdamWState moments, LoraWeights gradient)
    {
        var norm = GradientClipper.GlobalNorm(gradient);
        var clipped = config.MaxGradNorm > 0 ? GradientClipper.ClipByGlobalNorm(gradient, config.MaxGradNorm).Gradient : gradient;
        var (weights, state) = AdamW.Update(adapter, clipped, moments,
            new AdamWOptions(config.LearningRate, config.Beta1, config.Beta2, config.WeightDecay, config.Epsilon));
        return (weights, state, norm);
    }
}
