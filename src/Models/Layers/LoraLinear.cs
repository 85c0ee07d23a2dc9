using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace AlignProp.Models.Layers;

/// <summary>
/// A linear layer that can carry a low-rank branch: h = Wx + b + (alpha / r) B A x. A and B are fp32 whatever W is, and
/// are not part of the module's own parameters: the base model's files never see them.
/// </summary>
public sealed class LoraLinear : nn.Module<Tensor, Tensor>, IHoldsParameters
{
    private Parameter weight;
    private Parameter? bias;
    private LoraBranch? _lora;

    public LoraLinear(long inFeatures, long outFeatures, bool hasBias) : base(nameof(LoraLinear))
    {
        weight = Parts.Parameter(outFeatures, inFeatures);
        nn.init.kaiming_uniform_(weight, Math.Sqrt(5));
        if (hasBias)
        {
            bias = Parts.Parameter(outFeatures);
            nn.init.zeros_(bias);
        }
        RegisterComponents();
    }

    public long InFeatures => weight.shape[1];

    public long OutFeatures => weight.shape[0];

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

    /// <param name="input">[..., in].</param>
    /// <returns>[..., out].</returns>
    public override Tensor forward(Tensor input)
    {
        var y = nn.functional.linear(input, weight, bias);
        return _lora is null ? y : y + _lora.Forward(input).to(y.dtype);
    }
}

/// <summary>The trained part of a LoRA layer: A [r, in], B [out, r], both fp32 leaves.</summary>
public sealed class LoraBranch(Tensor a, Tensor b, double scale) : IDisposable
{
    private readonly Scalar _scale = scale.ToScalar();
    private readonly bool _unit = scale == 1.0;

    public Tensor A { get; } = a;

    public Tensor B { get; } = b;

    public Tensor Forward(Tensor input)
    {
        var y = nn.functional.linear(nn.functional.linear(input.to(A.dtype), A), B);
        return _unit ? y : y.mul(_scale);
    }

    public void Dispose()
    {
        A.Dispose();
        B.Dispose();
        _scale.Dispose();
    }
}
