using System.Diagnostics;
using AlignProp.Messages;
using AlignProp.Models.Diffusion;
using AlignProp.Models.Rewards;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Alignment;

/// <summary>
/// AlignProp (Prabhudesai et al., 2023) on one batch: sample, score, and backpropagate the reward through the last K
/// DDIM steps into the LoRA weights. Only the latents are kept; each step is recomputed when its turn in the backward
/// pass comes, so the peak memory is that of one step, whatever K is.
/// </summary>
public sealed class AlignmentStep(StableDiffusion model, IReward reward)
{
    // Pixels decoded at once: the whole batch of a small model, one image at a time at 512 x 512.
    private const long PixelsAtOnce = 512 * 512;

    /// <summary>Adds the gradient of the loss to the LoRA weights' <c>grad</c>.</summary>
    /// <param name="chain">The batch's denoising chain.</param>
    /// <param name="noise">x_T [B, C, h, w].</param>
    /// <param name="gradientSteps">Which steps' noise predictions carry gradient (see <see cref="Truncation"/>).</param>
    /// <exception cref="OperationCanceledException">Cancelled; checked at every DDIM step.</exception>
    public AlignmentOutcome Run(DenoisingChain chain, Tensor noise, IReadOnlyList<string> prompts, AlignmentLoss loss,
        IReadOnlyList<bool> gradientSteps, Action<string, double>? progress = null, CancellationToken cancellation = default)
    {
        using var scope = NewDisposeScope();
        var watch = Stopwatch.StartNew();
        var latents = Sample(chain, noise, progress, cancellation);
        var sampling = watch.Elapsed;

        var (rewards, terms, value, gradient) = Score(latents[^1], prompts, loss, cancellation);
        var scoring = watch.Elapsed - sampling;

        var scale = HalfPrecision.Scale(model.UNet.WeightType, gradient);
        Backward(chain, latents, scale == 1 ? gradient : gradient * scale, gradientSteps, progress, cancellation);
        var backward = watch.Elapsed - sampling - scoring;
        return new AlignmentOutcome(rewards, terms, value, latents[^1].MoveToOuterDisposeScope(),
            new PhaseTimes(sampling.TotalSeconds, scoring.TotalSeconds, backward.TotalSeconds), scale);
    }

    /// <summary>x_T, ..., x_0 without gradient; the caller's scope owns them.</summary>
    public static List<Tensor> Sample(DenoisingChain chain, Tensor noise, Action<string, double>? progress = null, CancellationToken cancellation = default)
    {
        using var noGrad = no_grad();
        var latents = new List<Tensor> { noise };
        for (var i = 0; i < chain.Length; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            latents.Add(chain.Step(i, latents[^1]));
            progress?.Invoke("sample", (i + 1.0) / chain.Length);
        }
        return latents;
    }

    /// <summary>Decode and score; the loss and its gradient in x_0.</summary>
    private (float[] Rewards, float[][] Terms, double Loss, Tensor Gradient) Score(Tensor x0, IReadOnlyList<string> prompts, AlignmentLoss loss, CancellationToken cancellation)
    {
        var batch = (int)x0.shape[0];
        var pixels = x0.shape[2] * x0.shape[3] * model.Vae.Config.DownscaleFactor * model.Vae.Config.DownscaleFactor;
        var atOnce = (int)Math.Clamp(PixelsAtOnce / pixels, 1, batch);
        var rewards = new List<float>();
        var terms = new List<float[][]>();
        var gradients = new List<Tensor>();
        var total = 0.0;
        for (var from = 0; from < batch; from += atOnce)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var count = Math.Min(atOnce, batch - from);
            var (scores, parts, part, gradient) = HalfPrecision.FirstFinite(model.UNet.WeightType, loss.Scale / batch,
                scale => ScorePart(x0.narrow(0, from, count), prompts.Skip(from).Take(count).ToList(), loss, batch, scale));
            rewards.AddRange(Values(scores));
            terms.Add([.. parts.Select(Values)]);
            total += part;
            gradients.Add(gradient.MoveToOuterDisposeScope());
        }
        var byTerm = Enumerable.Range(0, terms[0].Length).Select(i => terms.SelectMany(t => t[i]).ToArray()).ToArray();
        return ([.. rewards], byTerm, total, cat(gradients, 0));
    }

    private static float[] Values(Tensor scores) => scores.detach().to(ScalarType.Float32).cpu().data<float>().ToArray();

    /// <summary>Rewards, loss and gradient of some images of a batch.</summary>
    /// <param name="scale">The loss is multiplied by it for the backward pass, and the gradient divided (fp16).</param>
    private (Tensor Scores, IReadOnlyList<Tensor> Terms, double Loss, Tensor Gradient) ScorePart(Tensor x0, List<string> prompts, AlignmentLoss loss, int batch, float scale)
    {
        var z = x0.detach().clone().requires_grad_();
        var image = model.Decoder.IsPlain(z) ? model.Decode(z) : Constant(model.Decode, z).requires_grad_();
        var (scores, parts) = reward.ScoreTerms(image, prompts);
        // The loss is a mean over the batch: each part contributes its sum over B.
        var part = loss.Of(scores).sum() / (float)batch;
        (scale == 1 ? part : part * scale).backward();
        var gradient = model.Decoder.IsPlain(z) ? z.grad! : model.Decoder.Gradient(z, image.grad!);
        return (scores, parts, part.to(ScalarType.Float64).item<double>(), scale == 1 ? gradient : gradient / scale);
    }

    private static Tensor Constant(Func<Tensor, Tensor> function, Tensor x)
    {
        using var noGrad = no_grad();
        return function(x.detach());
    }

    /// <summary>From x_0 back to the first step with gradient, one recomputed step at a time.</summary>
    private static void Backward(DenoisingChain chain, List<Tensor> latents, Tensor gradient, IReadOnlyList<bool> gradientSteps,
        Action<string, double>? progress, CancellationToken cancellation)
    {
        var first = Enumerable.Range(0, chain.Length).FirstOrDefault(i => gradientSteps[i], chain.Length);
        for (var i = chain.Length - 1; i >= first; i--)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            // Nothing lies before the first step with gradient: its own input needs none.
            var x = latents[i].detach().requires_grad_(i > first);
            var next = gradientSteps[i] ? chain.Step(i, x) : chain.StepWithConstantNoise(i, x);
            autograd.backward([next], [gradient]);
            if (i > first)
            {
                var previous = gradient;
                gradient = x.grad!.MoveToOuterDisposeScope();
                previous.Dispose();
            }
            progress?.Invoke("backward", (double)(chain.Length - i) / (chain.Length - first));
        }
    }
}

/// <param name="Rewards">[B].</param>
/// <param name="Terms">[T][B]: what the reward is the sum of, before weight and normalisation.</param>
/// <param name="Latents">x_0 [B, C, h, w].</param>
/// <param name="GradientScale">What the LoRA weights' <c>grad</c> must be divided by: 1 unless the model computes in fp16.</param>
public sealed record AlignmentOutcome(float[] Rewards, float[][] Terms, double Loss, Tensor Latents, PhaseTimes Seconds, float GradientScale = 1);
