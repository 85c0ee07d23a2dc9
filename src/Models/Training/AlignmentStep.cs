using System.Diagnostics;
using AlignProp.Messages;
using AlignProp.Models.Rewards;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Training;

/// <summary>
/// AlignProp (Prabhudesai et al., 2023) on one batch: sample, score, and backpropagate the reward through the last K steps into
/// the LoRA weights; and its relatives, which are other gradient plans. Only the latents are kept; each step is recomputed when
/// its turn in the backward pass comes, so the peak memory is that of one step, whatever K is.
/// </summary>
/// <param name="drift">Added to the loss; null = nothing.</param>
public sealed class AlignmentStep(TextToImage model, IReward reward, DriftPenalty? drift = null)
{
    private readonly LatentScorer _scorer = new(model, reward);

    /// <summary>Adds the gradient of the loss to the LoRA weights' <c>grad</c>.</summary>
    /// <param name="chain">The batch's denoising chain.</param>
    /// <param name="noise">x_T [B, C, h, w].</param>
    /// <param name="renoise">Noise of the plan's renoised copies [n, B, C, h, w].</param>
    /// <exception cref="ArgumentException">The plan does not fit the chain.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; checked at every step.</exception>
    public AlignmentOutcome Run(DenoisingChain chain, Tensor noise, IReadOnlyList<string> prompts, AlignmentLoss loss,
        GradientPlan plan,
        Tensor? renoise = null, Action<string, double>? progress = null, CancellationToken cancellation = default)
    {
        plan.RequireFor(chain.Length);
        using var scope = NewDisposeScope();
        var watch = Stopwatch.StartNew();
        // Constant steps are differentiated in x alone, at the prediction they had.
        var path = Trajectory.Of(chain, noise, plan.Stop, i => i > plan.Trained[0] && !plan.Trained.Contains(i), progress,
            cancellation);
        var sampling = watch.Elapsed;

        var part = plan.Renoised == 0 ? loss : loss with { Scale = loss.Scale / (1 + plan.Renoised) };
        var (rewards, terms, value, gradient) = _scorer.Score(path.Latents[^1], prompts, part, cancellation);
        var scoring = watch.Elapsed - sampling;

        var scale = HalfPrecision.Scale(model.Denoiser.WeightType, gradient);
        value += Backward(chain, path, scale == 1 ? gradient : gradient * scale, scale, plan, progress, cancellation);
        for (var copy = 0; copy < plan.Renoised; copy++)
        {
            value += Renoised(chain, path.Latents[^1], renoise![copy], prompts, part, scale, cancellation);
        }
        var backward = watch.Elapsed - sampling - scoring;
        return new AlignmentOutcome(rewards, terms, value, path.Latents[^1].MoveToOuterDisposeScope(),
            new PhaseTimes(sampling.TotalSeconds, scoring.TotalSeconds, backward.TotalSeconds), scale);
    }

    /// <summary>
    /// One copy of x_0, noised to the time of the last step and denoised by it: loss, and gradient through that step.
    /// </summary>
    private double Renoised(DenoisingChain chain, Tensor x0, Tensor noise, IReadOnlyList<string> prompts, AlignmentLoss loss,
        float scale,
        CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        var last = chain.Length - 1;
        var x = chain.AddNoise(last, x0, noise);
        var end = LatentScorer.Constant(y => chain.Step(last, y), x);
        var (_, _, value, gradient) = _scorer.Score(end, prompts, loss, cancellation);
        autograd.backward([chain.Step(last, x.detach())], [scale == 1 ? gradient : gradient * scale]);
        return value;
    }

    /// <summary>From the end back to the first step with gradient, one recomputed step at a time.</summary>
    /// <returns>The drift penalty's part of the loss.</returns>
    private double Backward(DenoisingChain chain, Trajectory path, Tensor gradient, float scale, GradientPlan plan,
        Action<string, double>? progress, CancellationToken cancellation)
    {
        var penalty = 0.0;
        var (first, last) = (plan.Trained[0], Math.Min(plan.Stop, chain.Length - 1));
        for (var i = last; i >= first; i--)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            // Nothing lies before the first step with gradient: its own input needs none.
            var x = path.Latents[i].detach().requires_grad_(i > first);
            var output = plan.Trained.Contains(i) ? chain.Predict(i, plan.ThroughInput ? x : x.detach()) : path.Outputs[i];
            var next = i == plan.Stop ? chain.Clean(i, x, output) : chain.Step(i, x, output);
            autograd.backward([next], [gradient]);
            if (drift is not null && plan.Trained.Contains(i))
            {
                penalty += drift.Add(chain, i, x, plan.Trained.Count, scale);
            }
            if (i > first)
            {
                var previous = gradient;
                gradient = x.grad!.MoveToOuterDisposeScope();
                previous.Dispose();
            }
            progress?.Invoke("backward", (double)(last + 1 - i) / (last + 1 - first));
        }
        return penalty;
    }
}

/// <param name="Rewards">[B].</param>
/// <param name="Terms">[T][B]: what the reward is the sum of, before weight and normalisation.</param>
/// <param name="Latents">What was decoded [B, C, h, w]: x_0, or its prediction where the chain stopped.</param>
/// <param name="GradientScale">
/// What the LoRA weights' <c>grad</c> must be divided by: 1 unless the model computes in fp16.
/// </param>
public sealed record AlignmentOutcome(float[] Rewards, float[][] Terms, double Loss, Tensor Latents, PhaseTimes Seconds,
    float GradientScale = 1);
