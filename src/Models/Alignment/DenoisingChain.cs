using AlignProp.Models.Diffusion;
using AlignProp.Models.Schedulers;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Alignment;

/// <summary>
/// The chain x_T -> x_0 for one batch: N DDIM steps with classifier-free guidance. A pure function of its inputs, so that
/// any step can be computed again in the backward pass.
/// </summary>
/// <param name="unconditional">The negative prompt, for a batch of B.</param>
/// <param name="conditional">The prompts, B of them.</param>
/// <param name="noises">Variance noise of every step [N, B, C, h, w]; null when eta is 0.</param>
public sealed class DenoisingChain(UNet2DConditionModel unet, DdimScheduler scheduler, Conditioning unconditional, Conditioning conditional,
    int steps, double guidanceScale, double eta, Tensor? noises = null)
{
    private readonly long[] _timesteps = scheduler.Timesteps(steps);
    private readonly float _guidance = (float)guidanceScale;

    /// <summary>A chain of a model that is conditioned on text alone: text states [B, L, D].</summary>
    public DenoisingChain(UNet2DConditionModel unet, DdimScheduler scheduler, Tensor unconditional, Tensor conditional,
        int steps, double guidanceScale, double eta, Tensor? noises = null)
        : this(unet, scheduler, new Conditioning(unconditional), new Conditioning(conditional), steps, guidanceScale, eta, noises)
    {
    }

    public int Length => _timesteps.Length;

    /// <summary>t of step i, 0 to 999; the noisiest first.</summary>
    public long Timestep(int i) => _timesteps[i];

    /// <summary>Step i (0 = noisiest): x_t -> x_{t-1}, differentiable in x_t and in the LoRA weights, through both guidance branches.</summary>
    public Tensor Step(int i, Tensor x)
    {
        using var scope = NewDisposeScope();
        return Update(i, x, PredictNoise(i, x)).MoveToOuterDisposeScope();
    }

    /// <summary>The same step with the predicted noise held constant: its Jacobian in x_t does not depend on the prediction.</summary>
    public Tensor StepWithConstantNoise(int i, Tensor x)
    {
        using var scope = NewDisposeScope();
        return Update(i, x, zeros_like(x)).MoveToOuterDisposeScope();
    }

    /// <summary>The guided prediction: eps_uncond + s (eps_cond - eps_uncond), in one batch of 2B; only eps_cond when s = 1.</summary>
    public Tensor PredictNoise(int i, Tensor x)
    {
        using var scope = NewDisposeScope();
        using var t = tensor(_timesteps[i], device: x.device);
        if (_guidance == 1f)
        {
            return unet.Predict(x.to(unet.WeightType), t, conditional).to(x.dtype).MoveToOuterDisposeScope();
        }
        var both = unet.Predict(cat([x, x], 0).to(unet.WeightType), t, Conditioning.Concat(unconditional, conditional)).to(x.dtype).chunk(2, 0);
        return (both[0] + (both[1] - both[0]) * _guidance).MoveToOuterDisposeScope();
    }

    private Tensor Update(int i, Tensor x, Tensor noise) =>
        scheduler.Step(noise, _timesteps[i], x, Length, eta, noises?[i]);
}
