using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Layers;

/// <summary>Mirrors diffusers' Timesteps and TimestepEmbedding: linear, activation, linear.</summary>
public sealed class TimestepEmbedding : nn.Module<Tensor, Tensor>
{
    private readonly LoraLinear linear_1;
    private readonly LoraLinear linear_2;
    private readonly Func<Tensor, Tensor> _activation;

    public TimestepEmbedding(int inDim, int outDim, string activation = "silu") : base(nameof(TimestepEmbedding))
    {
        _activation = Activations.Get(activation);
        linear_1 = new LoraLinear(inDim, outDim);
        linear_2 = new LoraLinear(outDim, outDim);
        RegisterComponents();
    }

    public override Tensor forward(Tensor projected) => linear_2.forward(_activation(linear_1.forward(projected)));

    /// <summary>
    /// Sinusoids of the timesteps, [B] -> [B, dim], in fp32: an argument computed in fp64 would differ from every
    /// published implementation by 6e-5.
    /// </summary>
    /// <param name="flip">True (Stable Diffusion): [cos, sin]; false: [sin, cos].</param>
    public static Tensor Sinusoids(Tensor timesteps, int dim, bool flip, double shift)
    {
        using var scope = NewDisposeScope();
        var half = dim / 2;
        var exponent = arange(half, dtype: ScalarType.Float32) * (float)-Math.Log(10000);
        exponent = exponent / (float)(half - shift);
        var frequencies = exponent.exp().to(timesteps.device);
        var argument = timesteps.to(ScalarType.Float32).unsqueeze(1) * frequencies.unsqueeze(0);
        var (sine, cosine) = (argument.sin(), argument.cos());
        var waves = cat(flip ? [cosine, sine] : [sine, cosine], -1);
        return (dim % 2 == 0 ? waves : nn.functional.pad(waves, [0, 1])).MoveToOuterDisposeScope();
    }
}
