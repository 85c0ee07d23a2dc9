using AlignProp.Messages.Configuration;
using static TorchSharp.torch;

namespace AlignProp.Models.Training;

/// <summary>
/// The chain x_T -> x_0 for one batch: N steps of a sampler with guided predictions. A pure function of its inputs, so that any
/// step can be computed again in the backward pass.
/// </summary>
/// <param name="predictor">The denoiser under guidance.</param>
/// <param name="noises">Noise of every step [N, B, C, h, w], where the schedule is stochastic.</param>
public sealed class DenoisingChain(ISampler sampler, ISchedule schedule, Predictor predictor, Tensor? noises = null)
{
    /// <summary>The chain of a model for some prompts.</summary>
    public static DenoisingChain Of(TextToImage model, SamplingConfig sampling, IReadOnlyList<string> prompts,
        Tensor? noises = null)
    {
        var (positive, negative) = Encode(model, sampling, prompts);
        return Of(model, sampling, positive, negative, noises);
    }

    /// <summary>The denoiser under guidance alone, for some prompts.</summary>
    public static Predictor PredictorOf(TextToImage model, SamplingConfig sampling, IReadOnlyList<string> prompts)
    {
        var (positive, negative) = Encode(model, sampling, prompts);
        return model.Guidance.Prepare(model.Denoiser, positive, negative, sampling.GuidanceScale);
    }

    /// <summary>The same where the prompts are encoded already.</summary>
    public static DenoisingChain Of(TextToImage model, SamplingConfig sampling, Conditioning prompts, Conditioning? negative,
        Tensor? noises = null) =>
        new(model.SamplerOf(sampling),
            model.SamplerOf(sampling).Schedule(sampling.Steps, sampling.Eta, model.LatentShape(sampling.Height, sampling.Width)),
            model.Guidance.Prepare(model.Denoiser, prompts, negative, sampling.GuidanceScale), noises);

    private static (Conditioning Prompts, Conditioning? Negative) Encode(TextToImage model, SamplingConfig sampling,
        IReadOnlyList<string> prompts)
    {
        var (height, width) = model.Size(sampling.Height, sampling.Width);
        return (model.Text.Encode(prompts, height, width), model.Guidance.NeedsNegative(sampling.GuidanceScale)
            ? model.Text.EncodeNegative(sampling.NegativePrompt, prompts.Count, height, width)
            : null);
    }

    public int Length => schedule.Times.Count;

    /// <summary>The time of step i (0 = noisiest), as the sampler counts it.</summary>
    public double Time(int i) => schedule.Times[i];

    /// <summary>Step i: x_t -> x_{t-1}, differentiable in x_t and in the LoRA weights, through both guidance branches.</summary>
    public Tensor Step(int i, Tensor x)
    {
        using var scope = NewDisposeScope();
        return Step(i, x, Predict(i, x)).MoveToOuterDisposeScope();
    }

    /// <summary>The same step with a prediction that is already there.</summary>
    public Tensor Step(int i, Tensor x, Tensor output)
    {
        using var scope = NewDisposeScope();
        return schedule.Step(i, x, output, noises?[i]).MoveToOuterDisposeScope();
    }

    /// <summary>The clean latents that a prediction at step i stands for.</summary>
    public Tensor Clean(int i, Tensor x, Tensor output) => schedule.Clean(i, x, output);

    /// <summary>What step i draws from, given its prediction; null where it draws nothing.</summary>
    public Gaussian? Distribution(int i, Tensor x, Tensor output) => schedule.Distribution(i, x, output);

    /// <summary>For EDICT; null where the sampler has no such form.</summary>
    public ICoupledSchedule? Coupled => schedule as ICoupledSchedule;

    /// <summary>The guided prediction at step i.</summary>
    public Tensor Predict(int i, Tensor x)
    {
        using var time = tensor((float)Time(i), device: x.device);
        return predictor(x, time);
    }

    /// <summary>Clean latents with noise as before step i.</summary>
    public Tensor AddNoise(int i, Tensor clean, Tensor noise)
    {
        using var times = full(clean.shape[0], (float)Time(i), device: clean.device);
        return sampler.AddNoise(clean, noise, times);
    }

    /// <summary>x_T, ..., x_0 without gradient; the caller's scope owns them.</summary>
    public IReadOnlyList<Tensor> Sample(Tensor noise, Action<string, double>? progress = null,
        CancellationToken cancellation = default) =>
        Trajectory.Of(this, noise, Length, _ => false, progress, cancellation).Latents;
}
