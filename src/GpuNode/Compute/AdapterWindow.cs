using AlignProp.Models.Lora;
using AlignProp.Models.Training;
using static TorchSharp.torch;

namespace AlignProp.GpuNode.Compute;

/// <summary>
/// Samples with the adapter on for a part of the chain, and the base model for the rest (figure 3 of AlignProp). Without
/// gradient.
/// </summary>
internal static class AdapterWindow
{
    /// <param name="isActive">Of a step's time: whether the adapter is on.</param>
    /// <returns>x_0 [B, C, h, w].</returns>
    /// <exception cref="OperationCanceledException">Cancelled; checked at every step.</exception>
    public static Tensor Sample(SampleBatch batch, LoraInjection? branches, Func<double, bool> isActive,
        Action<string, double>? progress = null, CancellationToken cancellation = default)
    {
        using var noGrad = no_grad();
        var x = batch.Noise;
        for (var i = 0; i < batch.Chain.Length; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            branches?.SetActive(isActive(batch.Chain.Time(i)));
            x = batch.Chain.Step(i, x);
            progress?.Invoke("sample", (i + 1.0) / batch.Chain.Length);
        }
        branches?.SetActive(true);
        return x;
    }
}
