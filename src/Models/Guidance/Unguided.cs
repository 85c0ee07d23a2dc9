using static TorchSharp.torch;

namespace AlignProp.Models.Guidance;

/// <summary>The prediction as it is, whatever the scale.</summary>
public sealed class Unguided : IGuidance
{
    public bool NeedsNegative(double scale) => false;

    public Predictor Prepare(IDenoiser denoiser, Conditioning prompts, Conditioning? negative, double scale)
    {
        var prepared = denoiser.Prepare(prompts);
        return (x, time) => denoiser.Predict(x, time, prepared);
    }
}
