using AlignProp.Adapters;
using AlignProp.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Files;

/// <summary>Loads and saves a module's parameters under their published key names.</summary>
public static class Weights
{
    /// <summary>
    /// Fills every parameter of <paramref name="module"/> from the file; freezes it and leaves it in eval mode. Parameters without memory
    /// (<see cref="Parts.Blueprint{T}"/>) are allocated here, one at a time.
    /// </summary>
    /// <param name="rename">Maps a key of the file to the module's key (null = not ours, skip); identity when absent.</param>
    /// <param name="device">Where the parameters go; null = where they are, or the CPU.</param>
    /// <param name="dtype">Their dtype; null = fp32.</param>
    /// <exception cref="ModelFileException">Keys are missing, unexpected or of another shape: all of them in one message.</exception>
    public static T Load<T>(T module, string path, Func<string, string?>? rename = null, Device? device = null, ScalarType? dtype = null) where T : nn.Module =>
        Load(module, path, file => Renamed(file, rename ?? (key => key)), device, dtype);

    /// <summary>The same for files that lay tensors out in another way than the module.</summary>
    /// <param name="layout">The file's tensors under the module's names.</param>
    /// <exception cref="ModelFileException">As above.</exception>
    public static T Load<T>(T module, string path, Func<SafetensorsFile, IReadOnlyDictionary<string, StoredTensor>> layout, Device? device = null, ScalarType? dtype = null)
        where T : nn.Module
    {
        if (!File.Exists(path))
        {
            throw new ModelFileException($"{path}: file not found; expected the weights as safetensors");
        }
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using var file = OpenFile(path);
        StructureFill.Fill(module, path, layout(file), device, dtype);
        return module;
    }

    /// <summary>No gradient for any weight (only LoRA and inputs get one), dropout off.</summary>
    public static void Freeze(nn.Module module)
    {
        foreach (var parameter in module.parameters())
        {
            parameter.requires_grad = false;
        }
        module.eval();
    }

    /// <summary>Writes all parameters, by name, in <paramref name="dtype"/>; temporary file, then rename.</summary>
    public static void Save(nn.Module module, string path, ScalarType dtype)
    {
        var tensors = module.named_parameters().OrderBy(p => p.name, StringComparer.Ordinal)
            .Select(p => TensorFile.ToData(p.name, p.parameter, dtype)).ToList();
        SafetensorsWriter.Write(path, tensors, new Dictionary<string, string> { ["format"] = "pt" });
    }

    /// <summary>Every tensor of the file under the name <paramref name="rename"/> gives it.</summary>
    public static IReadOnlyDictionary<string, StoredTensor> Renamed(SafetensorsFile file, Func<string, string?> rename)
    {
        var stored = new Dictionary<string, StoredTensor>();
        foreach (var (key, info) in file.Tensors)
        {
            if (rename(key) is { } name)
            {
                stored[name] = new StoredTensor(key, info.Shape, () => TensorFile.Read(file, key));
            }
        }
        return stored;
    }

    private static SafetensorsFile OpenFile(string path)
    {
        try
        {
            return SafetensorsFile.Open(path);
        }
        catch (SafetensorsException e)
        {
            throw new ModelFileException(e.Message, e);
        }
    }
}

/// <summary>A tensor of an open file: its key there, its shape as the module wants it, and how to read it.</summary>
public sealed record StoredTensor(string Key, long[] Shape, Func<Tensor> Read);
