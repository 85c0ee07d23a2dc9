using AlignProp.Messages;
using AlignProp.Models.Training;
using static TorchSharp.torch;

namespace AlignProp.GpuNode.Compute;

/// <summary>DDPO's gradient on the batch's own samples; see <see cref="PolicyGradientStep"/>.</summary>
internal sealed class PolicyGradientComputer : ITaskComputer<ShardTask.PolicyGradient>
{
    public ShardOutcome Compute(ShardTask.PolicyGradient task, ShardInput input, Action<string, double> progress,
        CancellationToken cancellation)
    {
        var batch = input.Batch;
        var advantages = tensor(task.Advantages.ToArray(), device: batch.Noise.device);
        return OwnSamplesShard.Compute(input,
            report => StochasticRollout.Of(batch.Chain, batch.Noise, report, cancellation),
            (rollout, report) => new PolicyGradientStep(task.ClipRange).Run(batch.Chain, rollout, advantages, report,
                cancellation),
            batch.Chain.Length, task.RecomputedSteps, progress);
    }
}
