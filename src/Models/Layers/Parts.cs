using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace AlignProp.Models.Layers;

/// <summary>
/// The layers with weights that every structure here is built from. Inside <see cref="Blueprint{T}"/> they have names and shapes
/// but no memory (torch's meta device), so that a full-size model is built in milliseconds and its weights are allocated once,
/// when a file fills them.
/// </summary>
public static class Parts
{
    private static readonly Device Meta = new(DeviceType.META);

    // A shard's compute thread builds one model at a time; torch's own default device would reach all threads.
    [ThreadStatic]
    private static int _blueprints;

    /// <summary>Before the first convolution of any model.</summary>
    static Parts() => _ = ConvolutionCheck.UsesOneDnn;

    private static Device? Where => _blueprints > 0 ? Meta : null;

    /// <summary>Builds a structure without memory; a file gives it its weights.</summary>
    public static T Blueprint<T>(Func<T> build)
    {
        _blueprints++;
        try
        {
            return build();
        }
        finally
        {
            _blueprints--;
        }
    }

    public static Linear Linear(long inFeatures, long outFeatures, bool hasBias = true) =>
        nn.Linear(inFeatures, outFeatures, hasBias, Where);

    public static Conv2d Conv2d(long inChannels, long outChannels, long kernel, long stride = 1, long padding = 0,
        bool bias = true) =>
        nn.Conv2d(inChannels, outChannels, kernel, stride: stride, padding: padding, bias: bias, device: Where);

    /// <summary>TorchSharp's GroupNorm leaves its weight uninitialised; this one does not.</summary>
    public static GroupNorm GroupNorm(int groups, int channels, double eps)
    {
        var norm = nn.GroupNorm(groups, channels, eps, device: Where);
        nn.init.ones_(norm.weight);
        nn.init.zeros_(norm.bias);
        return norm;
    }

    public static LayerNorm LayerNorm(int width, double eps) => nn.LayerNorm(width, eps, device: Where);

    /// <summary>A parameter of unspecified values.</summary>
    internal static Parameter Parameter(params long[] shape) => nn.Parameter(empty(shape, device: Where));
}

/// <summary>A module of ours with parameters of its own, which a loader may replace.</summary>
internal interface IHoldsParameters
{
    /// <param name="name">The parameter's name in this module, e.g. weight.</param>
    void Replace(string name, Parameter value);
}

/// <summary>A table of vectors by id. Mirrors torch's Embedding: one parameter, weight [count, width].</summary>
public sealed class EmbeddingTable : nn.Module<Tensor, Tensor>, IHoldsParameters
{
    private Parameter weight;

    public EmbeddingTable(int count, int width) : base(nameof(EmbeddingTable))
    {
        weight = Parts.Parameter(count, width);
        nn.init.normal_(weight);
        RegisterComponents();
    }

    public Parameter Weight => weight;

    /// <param name="ids">Int64, any shape.</param>
    /// <returns>[..., width].</returns>
    public override Tensor forward(Tensor ids) => weight.index_select(0, ids.flatten()).view([.. ids.shape, weight.shape[1]]);

    public void Replace(string name, Parameter value)
    {
        weight.Dispose();
        weight = (Parameter)value.DetachFromDisposeScope();
        ConditionallyRegisterParameter(nameof(weight), weight);
    }
}
