using AlignProp.Adapters;
using TorchSharp;

namespace AlignProp.Models.Layers;

/// <summary>The layers of a network that can carry LoRA branches, found by their names.</summary>
/// <param name="component">The network's folder in diffusers' layout.</param>
public sealed class LoraLayers(torch.nn.Module network, string component)
{
    private readonly Dictionary<string, LoraLayer> _layers =
        network.named_modules().Where(m => m.module is LoraLayer).ToDictionary(m => m.name, m => (LoraLayer)m.module);

    /// <summary>They, as the run file, files and tools name them.</summary>
    public AdapterSites Sites => field ??= AdapterSites.Of(component,
        _layers.Select(l => (l.Key, (IReadOnlyList<int>)[.. l.Value.Weights.shape.Select(size => (int)size)])));

    /// <summary>See <see cref="IDenoiser.SetLora"/>.</summary>
    public void SetLora(AdapterSite site, LoraBranch? branch) => _layers[site.Module].SetLora(branch);
}
