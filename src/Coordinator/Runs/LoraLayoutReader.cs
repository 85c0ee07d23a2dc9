using AlignProp.Adapters;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Runs;

/// <summary>The LoRA modules of a model, read from its UNet's header: the coordinator needs no torch to make adapter 0.</summary>
public static class LoraLayoutReader
{
    /// <exception cref="ConfigException">The UNet's file is missing, damaged, or has no module of the targets.</exception>
    public static IReadOnlyList<(string Module, int In, int Out)> Read(string modelFolder, IReadOnlyList<string> targets)
    {
        var path = UNetFile(modelFolder);
        try
        {
            using var file = WeightFiles.Open(path);
            var modules = Named(file)
                .Where(t => t.Shape.Length == 2 && t.Name.EndsWith(".weight", StringComparison.Ordinal))
                .Select(t => (Module: t.Name[..^".weight".Length], In: (int)t.Shape[1], Out: (int)t.Shape[0]))
                .Where(m => targets.Any(target => m.Module.EndsWith("." + target, StringComparison.Ordinal)) && m.Module.Contains(".attn", StringComparison.Ordinal))
                .OrderBy(m => m.Module, StringComparer.Ordinal)
                .ToList();
            return modules.Count > 0
                ? modules
                : throw new ConfigException($"{path}: no attention projection ends with one of lora.targets [{string.Join(", ", targets)}]; expected to_q, to_k, to_v, to_out.0");
        }
        catch (WeightFileException e)
        {
            throw new ConfigException(e.Message);
        }
    }

    /// <summary>The UNet's tensors under diffusers' names, also those of a single-file checkpoint.</summary>
    private static IEnumerable<(string Name, long[] Shape)> Named(IWeightFile file)
    {
        if (!file.Tensors.Keys.Any(k => k.StartsWith(LdmNames.UNetPrefix, StringComparison.Ordinal)))
        {
            return file.Tensors.Values.Select(t => (t.Name, t.Shape));
        }
        var modules = LdmNames.UNetModules(LdmLevels.Of(file.Tensors.Keys));
        return file.Tensors.Values.Where(t => t.Name.StartsWith(LdmNames.UNetPrefix, StringComparison.Ordinal))
            .Select(t => (LdmNames.UNet(t.Name[LdmNames.UNetPrefix.Length..], modules), t.Shape));
    }

    /// <summary>The UNet's weights: a file, the index of its shards, or a single-file checkpoint itself.</summary>
    /// <exception cref="ConfigException">There are none.</exception>
    public static string UNetFile(string modelFolder)
    {
        if (File.Exists(modelFolder))
        {
            return modelFolder;
        }
        try
        {
            return WeightFiles.Find(Path.Combine(modelFolder, "unet"), "diffusion_pytorch_model");
        }
        catch (WeightFileException e)
        {
            throw new ConfigException(e.Message);
        }
    }
}
