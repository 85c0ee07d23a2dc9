namespace AlignProp.Adapters;

/// <summary>
/// A model's <see cref="AdapterSites"/>, read from the header of its denoiser's file: no torch, and no weights in memory.
/// </summary>
public static class SiteReader
{
    /// <summary>Folder of the denoiser in diffusers' layout.</summary>
    public const string Component = "unet";

    private const string Weight = ".weight";

    /// <param name="model">Diffusers folder, or a single-file checkpoint.</param>
    /// <exception cref="WeightFileException">The denoiser's file is missing or damaged.</exception>
    public static AdapterSites Read(string model)
    {
        using var file = WeightFiles.Open(DenoiserFile(model));
        return Of(file);
    }

    /// <summary>The denoiser's weights: a file, the index of its shards, or a single-file checkpoint itself.</summary>
    /// <exception cref="WeightFileException">There are none.</exception>
    public static string DenoiserFile(string model) =>
        File.Exists(model) ? model : WeightFiles.Find(Path.Combine(model, Component), "diffusion_pytorch_model");

    /// <summary>Weights of two dimensions are a linear layer's, of four a convolution's; norms and biases have one.</summary>
    public static AdapterSites Of(IWeightFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        return AdapterSites.Of(Component, Named(file).DistinctBy(t => t.Name)
            .Where(t => t.Shape.Length is 2 or 4 && t.Name.EndsWith(Weight, StringComparison.Ordinal))
            .Select(t => (t.Name[..^Weight.Length], (IReadOnlyList<int>)[.. t.Shape.Select(size => (int)size)])));
    }

    /// <summary>The denoiser's tensors under diffusers' names, also those of a single-file checkpoint.</summary>
    private static IEnumerable<(string Name, long[] Shape)> Named(IWeightFile file)
    {
        if (!file.Tensors.Keys.Any(IsDenoiser))
        {
            return file.Tensors.Values.Select(t => (t.Name, t.Shape));
        }

        var modules = LdmNames.UNetModules(LdmLevels.Of(file.Tensors.Keys));
        return file.Tensors.Values.Where(t => IsDenoiser(t.Name))
            .Select(t => (LdmNames.UNet(t.Name[LdmNames.UNetPrefix.Length..], modules), t.Shape));
    }

    private static bool IsDenoiser(string key) => key.StartsWith(LdmNames.UNetPrefix, StringComparison.Ordinal);
}
