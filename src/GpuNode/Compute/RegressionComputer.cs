using AlignProp.Messages;
using AlignProp.Models.Training;
using static TorchSharp.torch;

namespace AlignProp.GpuNode.Compute;

/// <summary>Reward-weighted regression on the batch's own samples; see <see cref="RegressionStep"/>.</summary>
/// <param name="step">The optimizer step: every one has draws of its own.</param>
internal sealed class RegressionComputer(int step) : ITaskComputer<ShardTask.Regression>
{
    public ShardOutcome Compute(ShardTask.Regression task, ShardInput input, Action<string, double> progress,
        CancellationToken cancellation)
    {
        var (batch, model, sampling) = (input.Batch, input.Host.Model, input.Config.Sampling);
        var weights = tensor(task.Weights.ToArray(), device: batch.Noise.device);
        var sampler = model.SamplerOf(sampling);
        return OwnSamplesShard.Compute(input,
            report => batch.Chain.Sample(batch.Noise, report, cancellation)[^1],
            (clean, report) =>
            {
                var regression = new RegressionStep(sampler,
                    DenoisingChain.PredictorOf(model, task.Guided ? sampling : sampling with { GuidanceScale = 1 },
                        batch.Prompts));
                var loss = 0.0;
                for (var draw = 0; draw < task.Draws; draw++)
                {
                    cancellation.ThrowIfCancellationRequested();
                    var (times, noise) = batch.RegressionDraw(sampler, step, draw);
                    loss += regression.Run(clean, weights, times, noise, task.Draws);
                    report("backward", (draw + 1.0) / task.Draws);
                }
                return loss;
            },
            batch.Chain.Length, task.RecomputedSteps, progress);
    }
}
