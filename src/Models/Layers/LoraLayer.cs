using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace AlignProp.Models.Layers;

/// <summary>
/// A layer that can carry a low-rank branch: y = W x + b + (alpha / r) B A x. A and B are fp32 whatever W is, and are not part of
/// the module's own parameters: the base model's files never see them.
/// </summary>
public abstract class LoraLayer : nn.Module<Tensor, Tensor>, IHoldsParameters
{
    // torch registers no private fields of a base class.
    internal Parameter weight;
    internal Parameter? bias;
    private LoraBranch? _lora;

    /// <summary>Begins as torch's own layers of that shape do, the bias at zero if that is wanted.</summary>
    private protected LoraLayer(string name, long[] shape, bool hasBias, bool zeroBias = false) : base(name)
    {
        weight = Parts.Parameter(shape);
        nn.init.kaiming_uniform_(weight, Math.Sqrt(5));
        if (hasBias)
        {
            var bound = 1 / Math.Sqrt(shape.Skip(1).Aggregate(1L, (x, y) => x * y));
            bias = Parts.Parameter(shape[0]);
            _ = zeroBias ? nn.init.zeros_(bias) : nn.init.uniform_(bias, -bound, bound);
        }
        RegisterComponents();
    }

    /// <summary>[out, in] of a linear layer, [out, in, kh, kw] of a convolution.</summary>
    public Parameter Weights => weight;

    public Parameter? Biases => bias;

    /// <summary>Attaches or replaces the branch; null removes it.</summary>
    public void SetLora(LoraBranch? branch) => _lora = branch;

    public void Replace(string name, Parameter value)
    {
        value = (Parameter)value.DetachFromDisposeScope();
        if (name == nameof(weight))
        {
            weight.Dispose();
            weight = value;
        }
        else
        {
            bias?.Dispose();
            bias = value;
        }
        ConditionallyRegisterParameter(name, value);
    }

    public override Tensor forward(Tensor input)
    {
        var y = Apply(input, weight, bias);
        return _lora is null ? y : y + _lora.Scaled(Up(Apply(input.to(_lora.A.dtype), _lora.A, null), _lora.B)).to(y.dtype);
    }

    /// <summary>The layer's function with these weights.</summary>
    private protected abstract Tensor Apply(Tensor input, Tensor weight, Tensor? bias);

    /// <summary>B of what A gave.</summary>
    private protected abstract Tensor Up(Tensor reduced, Tensor b);
}

/// <summary>[..., in] -> [..., out].</summary>
public sealed class LoraLinear(long inFeatures, long outFeatures, bool hasBias = true, bool zeroBias = false)
    : LoraLayer(nameof(LoraLinear), [outFeatures, inFeatures], hasBias, zeroBias)
{
    private protected override Tensor Apply(Tensor input, Tensor weight, Tensor? bias) =>
        nn.functional.linear(input, weight, bias);

    private protected override Tensor Up(Tensor reduced, Tensor b) => nn.functional.linear(reduced, b);
}

/// <summary>
/// [B, in, H, W] -> [B, out, H', W']. A has the layer's kernel, stride and padding, B is a 1 x 1 convolution: as PEFT has it.
/// </summary>
public sealed class LoraConv2d(long inChannels, long outChannels, long kernel, long stride = 1, long padding = 0)
    : LoraLayer(nameof(LoraConv2d), [outChannels, inChannels, kernel, kernel], hasBias: true)
{
    private protected override Tensor Apply(Tensor input, Tensor weight, Tensor? bias) =>
        nn.functional.conv2d(input, weight, bias, strides: [stride, stride], padding: [padding, padding]);

    private protected override Tensor Up(Tensor reduced, Tensor b) => nn.functional.conv2d(reduced, b);
}
