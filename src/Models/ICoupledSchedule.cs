using static TorchSharp.torch;

namespace AlignProp.Models;

/// <summary>A schedule whose steps are x' = A x + B e, as EDICT couples two chains with.</summary>
public interface ICoupledSchedule
{
    /// <summary>A and B of step i.</summary>
    (float Keep, float Noise) Coefficients(int i);

    /// <summary>The noise e that a prediction at step i stands for.</summary>
    /// <param name="x">What it was predicted of [B, C, h, w].</param>
    Tensor Noise(int i, Tensor x, Tensor output);
}
