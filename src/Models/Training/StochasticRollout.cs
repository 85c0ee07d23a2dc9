using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Training;

/// <summary>A stochastic chain as it was sampled, without gradient; the tensors belong to the scope it was sampled in.</summary>
/// <param name="Latents">x_T, ..., x_0 [B, C, h, w].</param>
/// <param name="LogProbabilities">
/// Of what every step drew [B] (see <see cref="Gaussian.LogProbability"/>), by step; a step that draws nothing has none.
/// </param>
public sealed record StochasticRollout(IReadOnlyList<Tensor> Latents, IReadOnlyDictionary<int, Tensor> LogProbabilities)
{
    /// <param name="noise">x_T [B, C, h, w].</param>
    /// <exception cref="OperationCanceledException">Cancelled; checked at every step.</exception>
    public static StochasticRollout Of(DenoisingChain chain, Tensor noise, Action<string, double>? progress = null,
        CancellationToken cancellation = default)
    {
        using var noGrad = no_grad();
        var path = Trajectory.Of(chain, noise, chain.Length, _ => true, progress, cancellation);
        var logProbabilities = new Dictionary<int, Tensor>();
        for (var i = 0; i < chain.Length; i++)
        {
            using var scope = NewDisposeScope();
            if (chain.Distribution(i, path.Latents[i], path.Outputs[i]) is { } drawn)
            {
                logProbabilities[i] = drawn.LogProbability(path.Latents[i + 1]).MoveToOuterDisposeScope();
            }
        }
        return new StochasticRollout(path.Latents, logProbabilities);
    }
}
