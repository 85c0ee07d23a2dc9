using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace AlignProp.Models.Layers;

/// <summary>torch's normalisation layers, initialised (TorchSharp's GroupNorm leaves its weight uninitialised).</summary>
public static class Norms
{
    public static GroupNorm GroupNorm(int groups, int channels, double eps)
    {
        var norm = nn.GroupNorm(groups, channels, eps);
        nn.init.ones_(norm.weight);
        nn.init.zeros_(norm.bias);
        return norm;
    }

    public static LayerNorm LayerNorm(int width, double eps) => nn.LayerNorm(width, eps);
}
