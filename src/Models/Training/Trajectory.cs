using static TorchSharp.torch;

namespace AlignProp.Models.Training;

/// <summary>What a chain went through, without gradient; the tensors belong to the scope it was sampled in.</summary>
/// <param name="Latents">
/// The input of every step, noisiest first; last what came out: x_0, or the clean latents predicted where the chain stopped.
/// </param>
/// <param name="Outputs">The predictions that were kept, by step.</param>
internal sealed record Trajectory(IReadOnlyList<Tensor> Latents, IReadOnlyDictionary<int, Tensor> Outputs)
{
    /// <param name="noise">x_T [B, C, h, w].</param>
    /// <param name="stop">The chain's length, or the step whose clean latents are taken.</param>
    /// <param name="keep">Which steps' predictions are kept.</param>
    /// <exception cref="OperationCanceledException">Cancelled; checked at every step.</exception>
    public static Trajectory Of(DenoisingChain chain, Tensor noise, int stop, Func<int, bool> keep,
        Action<string, double>? progress,
        CancellationToken cancellation)
    {
        using var noGrad = no_grad();
        var latents = new List<Tensor> { noise };
        var outputs = new Dictionary<int, Tensor>();
        var calls = Math.Min(stop + 1, chain.Length);
        for (var i = 0; i < calls; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var (x, output) = (latents[^1], chain.Predict(i, latents[^1]));
            latents.Add((i == stop ? chain.Clean(i, x, output) : chain.Step(i, x, output)).MoveToOuterDisposeScope());
            if (keep(i))
            {
                outputs[i] = output.MoveToOuterDisposeScope();
            }
            progress?.Invoke("sample", (i + 1.0) / calls);
        }
        return new Trajectory(latents, outputs);
    }
}
