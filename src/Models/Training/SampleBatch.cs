using AlignProp.Adapters;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;
using static TorchSharp.torch;

namespace AlignProp.Models.Training;

/// <summary>Images that are made together: every random number comes from their seeds.</summary>
public sealed class SampleBatch
{
    private readonly IReadOnlyList<ShardSample> _samples;

    public SampleBatch(TextToImage model, SamplingConfig sampling, IReadOnlyList<ShardSample> samples)
    {
        _samples = samples;
        var (shape, device) = (model.LatentShape(sampling.Height, sampling.Width), model.Denoiser.Device);
        Prompts = [.. samples.Select(s => s.Prompt)];
        Noise = SampleNoise.Initial([.. samples.Select(s => s.NoiseSeed)], shape, device);
        Chain = DenoisingChain.Of(model, sampling, Prompts,
            model.Sampler.Schedule(sampling.Steps, sampling.Eta, shape).IsStochastic
            ? SampleNoise.Variance([.. samples.Select(s => s.VarianceSeed)], sampling.Steps, shape, device)
            : null);
    }

    public IReadOnlyList<string> Prompts { get; }

    /// <summary>x_T [B, C, h, w].</summary>
    public Tensor Noise { get; }

    public DenoisingChain Chain { get; }

    /// <summary>Noise of renoised copies [n, B, C, h, w]; null for none.</summary>
    public Tensor? Renoise(int copies) => copies == 0
        ? null
        : SampleNoise.Variance([.. _samples.Select(s => Seeds.Derive(s.NoiseSeed, 0, 0, Seeds.Renoise))], copies,
            Noise.shape[1..], Noise.device);
}
