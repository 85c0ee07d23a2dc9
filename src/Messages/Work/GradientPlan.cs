namespace AlignProp.Messages;

/// <summary>Which way the gradient of a reward takes back through a chain of N steps, 0 = the noisiest.</summary>
/// <param name="Stop">
/// N: the whole chain is run. Less: it is left at this step, and the clean latents that its prediction stands for are decoded and
/// scored (the early stop of ReFL and DRTune).
/// </param>
/// <param name="Trained">
/// Steps whose predictions carry gradient, none of them behind Stop; the others' predictions are constants.
/// </param>
/// <param name="ThroughInput">
/// Whether the gradient passes through the denoiser's input. False (DRTune): the denoiser sees a constant, and the gradient goes
/// on through what the sampler itself makes of x_t.
/// </param>
/// <param name="Renoised">
/// Copies of x_0 that are noised to the time of the last step and denoised again by it; the loss is the mean over the original
/// and them (DRaFT-LV). 0 = none.
/// </param>
public sealed record GradientPlan(int Stop, StepSet Trained, bool ThroughInput, int Renoised)
{
    /// <summary>AlignProp's: the whole chain, and gradient through its last K steps.</summary>
    /// <param name="k">1 to N.</param>
    public static GradientPlan LastSteps(int k, int of) => new(of, StepSet.Last(k, of), true, 0);

    /// <exception cref="ArgumentException">The plan is none for a chain of that many steps.</exception>
    public void RequireFor(int steps)
    {
        var last = Math.Min(Stop, steps - 1);
        var problem = Stop < 0 || Stop > steps ? $"Stop is 0 to {steps}"
            : Trained.Count == 0 || Trained[^1] > last ? $"Trained are some of the steps 0 to {last}"
            : Renoised < 0 || (Renoised > 0 && (Stop < steps || !Trained.Contains(steps - 1)))
                ? $"Renoised copies need the whole chain and its last step trained"
            : null;
        if (problem is not null)
        {
            throw new ArgumentException($"{this} for a chain of {steps} steps: {problem}");
        }
    }
}
