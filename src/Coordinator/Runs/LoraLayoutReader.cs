using AlignProp.Adapters;
using AlignProp.Coordinator.Configuration;

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
            var modules = file.Tensors.Values
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

    /// <summary>The UNet's weights: a file, or the index of its shards.</summary>
    /// <exception cref="ConfigException">There are none.</exception>
    public static string UNetFile(string modelFolder)
    {
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
