using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models;

/// <summary>
/// The trained part of a layer with LoRA, fp32 leaves. Of a linear layer A [r, in], B [out, r]; of a convolution A [r, in, kh,
/// kw], B [out, r, 1, 1]. The layer adds scale * B (A x).
/// </summary>
public sealed class LoraBranch(Tensor a, Tensor b, double scale) : IDisposable
{
    private readonly Scalar _scale = scale.ToScalar();
    private readonly bool _unit = scale == 1.0;

    public Tensor A { get; } = a;

    public Tensor B { get; } = b;

    /// <summary>The branch's output with its scale.</summary>
    public Tensor Scaled(Tensor output) => _unit ? output : output.mul(_scale);

    public void Dispose()
    {
        A.Dispose();
        B.Dispose();
        _scale.Dispose();
    }
}
