using static TorchSharp.torch;

namespace AlignProp.Models.Guidance;

/// <summary>
/// Classifier-free guidance (Ho and Salimans, 2022): u + s (c - u) of the predictions for the negative prompt and for the prompt,
/// in one batch of 2B; at s = 1 the prompt's alone.
/// </summary>
public sealed class ClassifierFree : IGuidance
{
    private static readonly Unguided Plain = new();

    public bool NeedsNegative(double scale) => (float)scale != 1f;

    public Predictor Prepare(IDenoiser denoiser, Conditioning prompts, Conditioning? negative, double scale)
    {
        if (!NeedsNegative(scale))
        {
            return Plain.Prepare(denoiser, prompts, null, scale);
        }
        var factor = (float)scale;
        var prepared =
            denoiser.Prepare(Conditioning.Concat(negative ?? throw new ArgumentNullException(nameof(negative)), prompts));
        return (x, time) =>
        {
            using var scope = NewDisposeScope();
            var times = time.dim() == 0 ? time : cat([time, time], 0);
            var both = denoiser.Predict(cat([x, x], 0), times, prepared).chunk(2, 0);
            return (both[0] + (both[1] - both[0]) * factor).MoveToOuterDisposeScope();
        };
    }
}
