using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Training;

/// <summary>
/// DDPO (Black et al., 2023) on one batch: every step of a stochastic chain is an action, its log-probability that of the
/// Gaussian it was drawn from. The loss of a step is the mean over the samples of max(-A q, -A clamp(q, 1 - c, 1 + c)), q the
/// ratio of the step's probability now to the one under the adapter that sampled it; the batch's is the mean over the steps.
/// </summary>
/// <param name="clipRange">c, above 0.</param>
public sealed class PolicyGradientStep(double clipRange)
{
    /// <summary>Adds the loss's gradient to the LoRA weights' <c>grad</c>.</summary>
    /// <param name="chain">With the adapter that is trained.</param>
    /// <param name="rollout">The same samples' chain under the adapter that made them.</param>
    /// <param name="advantages">A [B].</param>
    /// <returns>The loss.</returns>
    /// <exception cref="OperationCanceledException">Cancelled; checked at every step.</exception>
    public double Run(DenoisingChain chain, StochasticRollout rollout, Tensor advantages, Action<string, double>? progress = null,
        CancellationToken cancellation = default)
    {
        var loss = 0.0;
        var actions = rollout.LogProbabilities.Keys.Order().ToList();
        for (var a = 0; a < actions.Count; a++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var (i, x) = (actions[a], rollout.Latents[actions[a]]);
            var now = chain.Distribution(i, x, chain.Predict(i, x))!.LogProbability(rollout.Latents[i + 1]);
            var ratio = (now - rollout.LogProbabilities[i]).exp();
            var clipped = ratio.clamp(1 - clipRange, 1 + clipRange);
            // Every action counts alike, whatever its deviation.
            var part = maximum(-advantages * ratio, -advantages * clipped).mean() / actions.Count;
            part.backward();
            loss += part.to(ScalarType.Float64).item<double>();
            progress?.Invoke("backward", (a + 1.0) / actions.Count);
        }
        return loss;
    }
}
