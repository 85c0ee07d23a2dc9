using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Alignment;

/// <summary>
/// fp16 loses what lies below 6e-8, and a reward's gradient in one pixel easily does. So gradients are multiplied by a power of two before they enter
/// fp16 layers, and divided in fp32 afterwards (loss scaling, Micikevicius et al., 2018). fp32 and bf16 need none: every scale is 1.
/// </summary>
internal static class HalfPrecision
{
    private static readonly float[] LossScales = [65536, 256, 1];
    private static readonly float[] One = [1];

    /// <summary>The first loss scale whose gradient is finite, largest first.</summary>
    /// <param name="compute">Of a scale: the gradient comes back divided by it.</param>
    public static (Tensor Scores, double Loss, Tensor Gradient) FirstFinite(ScalarType weights, Func<float, (Tensor Scores, double Loss, Tensor Gradient)> compute)
    {
        var scales = weights == ScalarType.Float16 ? LossScales : One;
        foreach (var scale in scales[..^1])
        {
            var result = compute(scale);
            if (result.Gradient.isfinite().all().item<bool>())
            {
                return result;
            }
        }
        return compute(scales[^1]);
    }

    /// <summary>For the backward pass through the chain: the power of two that brings the largest element of the gradient to about 1.</summary>
    public static float Scale(ScalarType weights, Tensor gradient)
    {
        if (weights != ScalarType.Float16)
        {
            return 1;
        }
        var largest = gradient.abs().max().to(ScalarType.Float32).item<float>();
        return largest > 0 && float.IsFinite(largest) ? MathF.Pow(2, MathF.Round(-MathF.Log2(largest))) : 1;
    }
}
