using AlignProp.Models.Lora;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Training;

/// <summary>
/// Keeps a model near its base: weight times the mean, over the trained steps, of the mean squared difference between the guided
/// predictions with and without LoRA at the same latents. Those are constants: each step's penalty reaches the weights through
/// its own network call alone. The reference costs nothing to keep: it is the model with its branches switched off.
/// </summary>
public sealed class DriftPenalty(LoraInjection lora, double weight)
{
    /// <summary>One step's part: adds its gradient to the LoRA weights' <c>grad</c>.</summary>
    /// <param name="x">The step's input [B, C, h, w].</param>
    /// <param name="steps">How many steps are trained.</param>
    /// <param name="scale">The gradient is multiplied by it (fp16).</param>
    /// <returns>Its part of the loss.</returns>
    public double Add(DenoisingChain chain, int step, Tensor x, int steps, float scale)
    {
        using var scope = NewDisposeScope();
        var input = x.detach();
        var reference = Base(chain, step, input);
        var difference = chain.Predict(step, input) - reference;
        var part = difference.square().mean() * (float)(weight / steps);
        (scale == 1 ? part : part * scale).backward();
        return part.to(ScalarType.Float64).item<double>();
    }

    private Tensor Base(DenoisingChain chain, int step, Tensor x)
    {
        using var noGrad = no_grad();
        lora.SetActive(false);
        try
        {
            return chain.Predict(step, x);
        }
        finally
        {
            lora.SetActive(true);
        }
    }
}
