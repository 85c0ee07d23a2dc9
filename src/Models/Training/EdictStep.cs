using System.Diagnostics;
using AlignProp.Messages;
using AlignProp.Models.Rewards;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Training;

/// <summary>
/// AlignProp's step by exact inversion: only the last pair of an EDICT chain is kept; each step is undone, done again with a
/// graph, and left behind. The loss is the mean over both sequences' pictures.
/// </summary>
public sealed class EdictStep(TextToImage model, IReward reward)
{
    private readonly LatentScorer _scorer = new(model, reward);

    /// <summary>Adds the gradient of the loss to the LoRA weights' <c>grad</c>.</summary>
    /// <param name="noise">x_T [B, C, h, w], of both sequences.</param>
    /// <param name="k">The gradient goes back through the last K steps.</param>
    /// <exception cref="OperationCanceledException">Cancelled; checked at every step.</exception>
    public AlignmentOutcome Run(EdictChain chain, Tensor noise, IReadOnlyList<string> prompts, AlignmentLoss loss, int k,
        Action<string, double>? progress = null, CancellationToken cancellation = default)
    {
        using var scope = NewDisposeScope();
        var watch = Stopwatch.StartNew();
        var (x, y) = Sample(chain, noise, progress, cancellation);
        var sampling = watch.Elapsed.TotalSeconds;

        var half = loss with { Scale = loss.Scale / 2 };
        var first = _scorer.Score(x, prompts, half, cancellation);
        var second = _scorer.Score(y, prompts, half, cancellation);
        var scoring = watch.Elapsed.TotalSeconds - sampling;

        Backward(chain, (x, y), (first.Gradient, second.Gradient), k, progress, cancellation);
        return new AlignmentOutcome(Mean(first.Rewards, second.Rewards), [.. first.Terms.Zip(second.Terms, Mean)],
            first.Loss + second.Loss, x.MoveToOuterDisposeScope(),
            new PhaseTimes(sampling, scoring, watch.Elapsed.TotalSeconds - sampling - scoring));
    }

    private static (Tensor X, Tensor Y) Sample(EdictChain chain, Tensor noise, Action<string, double>? progress,
        CancellationToken cancellation)
    {
        using var noGrad = no_grad();
        var pair = (X: noise.clone(), Y: noise.clone());
        for (var i = 0; i < chain.Length; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            var next = chain.Step(i, pair.X, pair.Y);
            Forget(pair);
            pair = next;
            progress?.Invoke("sample", (i + 1.0) / chain.Length);
        }
        return pair;
    }

    private static void Backward(EdictChain chain, (Tensor X, Tensor Y) pair, (Tensor X, Tensor Y) gradient, int k,
        Action<string, double>? progress, CancellationToken cancellation)
    {
        var begin = chain.Length - k;
        for (var i = chain.Length - 1; i >= begin; i--)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var before = chain.Undo(i, pair.X, pair.Y);
            // Nothing lies before the first step with gradient: its own input needs none.
            var (x, y) = (before.X.requires_grad_(i > begin), before.Y.requires_grad_(i > begin));
            var next = chain.Step(i, x, y);
            autograd.backward([next.X, next.Y], [gradient.X, gradient.Y]);
            if (i > begin)
            {
                gradient = (x.grad!.MoveToOuterDisposeScope(), y.grad!.MoveToOuterDisposeScope());
                pair = (x.detach().MoveToOuterDisposeScope(), y.detach().MoveToOuterDisposeScope());
            }
            progress?.Invoke("backward", (double)(chain.Length - i) / k);
        }
    }

    private static void Forget((Tensor X, Tensor Y) pair)
    {
        pair.X.Dispose();
        pair.Y.Dispose();
    }

    private static float[] Mean(float[] first, float[] second) => [.. first.Zip(second, (a, b) => (a + b) / 2)];
}
