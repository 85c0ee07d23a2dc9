using AlignProp.Models.Rewards;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Training;

/// <summary>Decodes latents, scores the pictures, and takes the loss's gradient back into the latents.</summary>
internal sealed class LatentScorer(TextToImage model, IReward reward)
{
    // Pixels decoded at once: the whole batch of a small model, one image at a time at 512 x 512.
    private const long PixelsAtOnce = 512 * 512;

    /// <summary>A function's value without gradient.</summary>
    public static Tensor Constant(Func<Tensor, Tensor> function, Tensor x)
    {
        using var noGrad = no_grad();
        return function(x.detach());
    }

    /// <summary>Decode and score; the loss and its gradient in x_0.</summary>
    /// <param name="x0">[B, C, h, w].</param>
    /// <returns>Rewards [B], terms [T][B], the loss, and its gradient like <paramref name="x0"/>.</returns>
    public (float[] Rewards, float[][] Terms, double Loss, Tensor Gradient) Score(Tensor x0, IReadOnlyList<string> prompts,
        AlignmentLoss loss, CancellationToken cancellation)
    {
        var batch = (int)x0.shape[0];
        var pixels = x0.shape[2] * x0.shape[3] * model.Codec.Factor * model.Codec.Factor;
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
            var (scores, parts, part, gradient) = HalfPrecision.FirstFinite(model.Denoiser.WeightType, loss.Scale / batch,
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
    private (Tensor Scores, IReadOnlyList<Tensor> Terms, double Loss, Tensor Gradient) ScorePart(Tensor x0, List<string> prompts,
        AlignmentLoss loss, int batch, float scale)
    {
        var z = x0.detach().clone().requires_grad_();
        var image = model.Codec.IsPlain(z) ? model.Codec.Decode(z) : Constant(model.Codec.Decode, z).requires_grad_();
        var (scores, parts) = reward.ScoreTerms(image, prompts);
        // The loss is a mean over the batch: each part contributes its sum over B.
        var part = loss.Of(scores).sum() / (float)batch;
        (scale == 1 ? part : part * scale).backward();
        var gradient = model.Codec.IsPlain(z) ? z.grad! : model.Codec.Gradient(z, image.grad!);
        return (scores, parts, part.to(ScalarType.Float64).item<double>(), scale == 1 ? gradient : gradient / scale);
    }
}
