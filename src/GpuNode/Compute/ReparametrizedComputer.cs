using AlignProp.Messages;
using AlignProp.Messages.Configuration;
using AlignProp.Models.Training;

namespace AlignProp.GpuNode.Compute;

/// <summary>
/// The reward's gradient through the sampling chain, as the task's plan has it; see <see cref="AlignmentStep"/>.
/// </summary>
internal sealed class ReparametrizedComputer : ITaskComputer<ShardTask.Reparametrized>
{
    public ShardOutcome Compute(ShardTask.Reparametrized task, ShardInput input, Action<string, double> progress,
        CancellationToken cancellation)
    {
        var (host, batch, loss) = (input.Host, input.Batch, input.Config.Loss);
        // A recomputed step with its backward costs about three steps without gradient.
        double sampled = task.Plan.Stop, recomputed = 3 * task.RecomputedSteps, total = sampled + recomputed;
        void Report(string phase, double fraction) => progress(phase,
            (phase == "sample" ? fraction * sampled : sampled + fraction * recomputed) / total);
        var drift = input.Config.Regularization.Drift is > 0 and var weight ? new DriftPenalty(host.Lora, weight) : null;
        var kind = new AlignmentLoss(loss.Kind, loss.Target, loss.Scale);
        var step = input.Config.Memory == RunConfig.Edict
            ? new EdictStep(host.Model, host.Reward).Run(new EdictChain(batch.Chain), batch.Noise, batch.Prompts, kind,
                task.Plan.Trained.Count, Report, cancellation)
            : new AlignmentStep(host.Model, host.Reward, drift).Run(batch.Chain, batch.Noise, batch.Prompts, kind, task.Plan,
                batch.Renoise(task.Plan.Renoised), Report, cancellation);
        var gradient = input.Adapter.WithValues(host.Lora.Gradients(step.GradientScale));
        return new ShardOutcome(step.Rewards, step.Loss, gradient.Serialize(), step.Seconds, [.. step.Terms.SelectMany(t => t)]);
    }
}
