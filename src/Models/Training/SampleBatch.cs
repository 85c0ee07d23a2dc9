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
            model.SamplerOf(sampling).Schedule(sampling.Steps, sampling.Eta, shape).IsStochastic
            ? SampleNoise.Variance([.. samples.Select(s => s.VarianceSeed)], sampling.Steps, shape, device)
            : null);
    }

    public IReadOnlyList<string> Prompts { get; }

    /// <summary>x_T [B, C, h, w].</summary>
    public Tensor Noise { get; }

    public DenoisingChain Chain { get; }

    /// <summary>What a denoising loss on the samples draws: the same on whatever node, another for every step and draw.</summary>
    /// <param name="sampler">Says which times there are.</param>
    /// <param name="step">The optimizer step.</param>
    /// <param name="draw">From 0.</param>
    /// <returns>Times [B], and noise like <see cref="Noise"/>.</returns>
    public (Tensor Times, Tensor Noise) RegressionDraw(ISampler sampler, int step, int draw)
    {
        ulong Seed(ShardSample sample, string purpose) => Seeds.Derive(sample.NoiseSeed, step, draw, purpose);
        var times = _samples.Select(s => (float)sampler.TrainingTime(Seeds.Uniform(Seed(s, Seeds.RegressionTime))));
        return (tensor([.. times], device: Noise.device), SampleNoise.Initial(
            [.. _samples.Select(s => Seed(s, Seeds.RegressionNoise))], Noise.shape[1..], Noise.device));
    }

    /// <summary>Noise of renoised copies [n, B, C, h, w]; null for none.</summary>
    public Tensor? Renoise(int copies) => copies == 0
        ? null
        : SampleNoise.Variance([.. _samples.Select(s => Seeds.Derive(s.NoiseSeed, 0, 0, Seeds.Renoise))], copies,
            Noise.shape[1..], Noise.device);
}
