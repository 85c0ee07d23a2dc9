using AlignProp.Adapters;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Layers;

/// <summary>Activation functions by the names diffusers gives them (get_activation).</summary>
public static class Activations
{
    private static readonly Dictionary<string, Func<Tensor, Tensor>> ByName = new()
    {
        ["silu"] = Silu,
        ["swish"] = Silu,
        ["mish"] = x => nn.functional.mish(x),
        ["gelu"] = x => nn.functional.gelu(x),
        ["relu"] = x => nn.functional.relu(x),
    };

    public static string[] Names => [.. ByName.Keys];

    /// <exception cref="ModelFileException">No such activation.</exception>
    public static Func<Tensor, Tensor> Get(string name) => ByName.TryGetValue(name, out var function)
        ? function
        : throw new ModelFileException($"activation {name} is not supported; expected one of {string.Join(", ", ByName.Keys)}");

    public static Tensor Silu(Tensor x) => nn.functional.silu(x);
}
