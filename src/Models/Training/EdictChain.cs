using static TorchSharp.torch;

namespace AlignProp.Models.Training;

/// <summary>
/// EDICT (Wallace et al., 2022): two sequences that begin alike; each step moves one by the noise predicted of the other, in
/// turns, then mixes them. A step can be undone exactly but for rounding, so that no latents need be kept.
/// </summary>
/// <exception cref="ArgumentException">The sampler's steps are not x' = A x + B e.</exception>
public sealed class EdictChain(DenoisingChain chain)
{
    // The published mixing weight p.
    private const float Mix = 0.93f;

    private readonly ICoupledSchedule _schedule = chain.Coupled
        ?? throw new ArgumentException("memory = edict: this sampler cannot be coupled; expected ddim");

    public int Length => chain.Length;

    /// <summary>Step i of both: two network calls, differentiable.</summary>
    /// <param name="x">[B, C, h, w].</param>
    /// <param name="y">[B, C, h, w].</param>
    public (Tensor X, Tensor Y) Step(int i, Tensor x, Tensor y)
    {
        using var scope = NewDisposeScope();
        var (keep, noise) = _schedule.Coefficients(i);
        Tensor Move(Tensor own, Tensor other) => own * keep + Noise(i, other) * noise;

        // Which one goes first alternates, so that neither runs ahead.
        if (i % 2 == 0)
        {
            x = Move(x, y);
            y = Move(y, x);
        }
        else
        {
            y = Move(y, x);
            x = Move(x, y);
        }
        x = x * Mix + y * (1 - Mix);
        y = y * Mix + x * (1 - Mix);
        return (x.MoveToOuterDisposeScope(), y.MoveToOuterDisposeScope());
    }

    /// <summary>What step i was made of: the same in the opposite order. Two network calls, without gradient.</summary>
    public (Tensor X, Tensor Y) Undo(int i, Tensor x, Tensor y)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var (keep, noise) = _schedule.Coefficients(i);
        Tensor Back(Tensor own, Tensor other) => (own - Noise(i, other) * noise) / keep;

        y = (y - x * (1 - Mix)) / Mix;
        x = (x - y * (1 - Mix)) / Mix;
        if (i % 2 == 0)
        {
            y = Back(y, x);
            x = Back(x, y);
        }
        else
        {
            x = Back(x, y);
            y = Back(y, x);
        }
        return (x.MoveToOuterDisposeScope(), y.MoveToOuterDisposeScope());
    }

    private Tensor Noise(int i, Tensor x) => _schedule.Noise(i, x, chain.Predict(i, x));
}
