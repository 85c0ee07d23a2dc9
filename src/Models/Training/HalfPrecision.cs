using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Training;

/// <summary>
/// fp16 loses what lies below 6e-8, and a reward's gradient in one pixel easily does. So gradients are multiplied by a power of
/// two before they enter fp16 layers, and divided in fp32 afterwards (loss scaling, Micikevicius et al., 2018). fp32 and bf16
/// need none: every scale is 1.
/// </summary>
internal static class HalfPrecision
{
    // Of fp16's 65504: room for gradients that grow on the way back, and far above what underflows.
    private const float Target = 1024;

    /// <summary>The first loss scale whose gradient is finite, largest first; without fp16 it is 1.</summary>
    /// <param name="slope">The loss's derivative in one score: what the largest scale is reckoned from.</param>
    /// <param name="compute">Of a scale: the gradient comes back divided by it.</param>
    public static (Tensor Scores, IReadOnlyList<Tensor> Terms, double Loss, Tensor Gradient) FirstFinite(ScalarType weights,
        double slope,
        Func<float, (Tensor Scores, IReadOnlyList<Tensor> Terms, double Loss, Tensor Gradient)> compute)
    {
        if (weights != ScalarType.Float16 || slope == 0)
        {
            return compute(1);
        }
        foreach (var target in new float[] { 65536, 1024, 16 })
        {
            var result = compute(PowerOfTwo(target / (float)slope));
            if (result.Gradient.isfinite().all().item<bool>())
            {
                return result;
            }
        }
        return compute(1);
    }

    /// <summary>
    /// For the backward pass through the chain: the power of two that brings the largest element of the gradient near the target.
    /// </summary>
    public static float Scale(ScalarType weights, Tensor gradient)
    {
        if (weights != ScalarType.Float16)
        {
            return 1;
        }
        var largest = gradient.abs().max().to(ScalarType.Float32).item<float>();
        return largest > 0 && float.IsFinite(largest) ? PowerOfTwo(Target / largest) : 1;
    }

    private static float PowerOfTwo(float value) => MathF.Pow(2, Math.Clamp(MathF.Round(MathF.Log2(value)), -100, 100));
}
