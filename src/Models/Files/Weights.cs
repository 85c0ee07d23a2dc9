using AlignProp.Adapters;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Files;

/// <summary>Loads and saves a module's parameters under their published key names.</summary>
public static class Weights
{
    /// <summary>
    /// Fills every parameter of <paramref name="module"/> from a file, sharded index or folder (see <see
    /// cref="WeightFiles.Open"/>); freezes it and leaves it in eval mode.
    /// </summary>
    /// <remarks>
    /// Parameters without memory (<see cref="Layers.Parts.Blueprint{T}"/>) get theirs here, one at a time: a model is in memory
    /// once.
    /// </remarks>
    /// <param name="rename">Maps a key of the file to the module's key (null = not ours, skip); identity when absent.</param>
    /// <param name="device">Where the parameters go; null = where they are, or the CPU.</param>
    /// <param name="dtype">
    /// Their dtype; null = fp32. Of a folder's half-precision variants the one of this dtype is taken first.
    /// </param>
    /// <exception cref="ModelFileException">
    /// The file is damaged or refused, or keys are missing, unexpected or of another shape: all are named.
    /// </exception>
    public static T Load<T>(T module, string path, Func<string, string?>? rename = null, Device? device = null,
        ScalarType? dtype = null) where T : nn.Module =>
        Load(module, path, file => AsNamed(file, rename), device, dtype);

    /// <summary>The same for files that lay tensors out in another way than the module.</summary>
    /// <param name="layout">The file's tensors under the module's names; what it leaves out is not the module's.</param>
    /// <exception cref="ModelFileException">See above.</exception>
    public static T Load<T>(T module, string path, Func<IWeightFile, IReadOnlyDictionary<string, StoredTensor>> layout,
        Device? device = null, ScalarType? dtype = null)
        where T : nn.Module
    {
        using var file = Open(path,
            dtype switch { ScalarType.Float16 => DType.F16, ScalarType.BFloat16 => DType.BF16, _ => null });
        return Fill(module, file.Path, layout(file), device, dtype);
    }

    /// <summary>The same from tensors of a file that is already open (a checkpoint that holds several modules).</summary>
    /// <param name="path">The file, for messages.</param>
    /// <exception cref="ModelFileException">See above.</exception>
    public static T Fill<T>(T module, string path, IReadOnlyDictionary<string, StoredTensor> stored, Device? device = null,
        ScalarType? dtype = null) where T : nn.Module
    {
        using var noGrad = no_grad();
        var parameters = module.named_parameters().ToList();
        var mismatch = KeyMismatch.Between(parameters.ToDictionary(p => p.name, p => p.parameter.shape),
            stored.ToDictionary(s => s.Key, s => (s.Value.Key, s.Value.Shape)));
        if (!mismatch.IsEmpty)
        {
            throw new ModelFileException(mismatch.Describe(path, module.GetName()));
        }
        var blueprint = new Blueprint(module);
        foreach (var (name, parameter) in parameters)
        {
            // A scope a tensor: a view left over would keep a second copy of the whole model.
            using var scope = NewDisposeScope();
            var value = Reading(stored[name]).view(parameter.shape);
            if (parameter.device_type == DeviceType.META)
            {
                blueprint.Replace(name, value.to(dtype ?? parameter.dtype, device ?? CPU));
            }
            else
            {
                parameter.copy_(value);
            }
        }
        if (device is not null || dtype is not null)
        {
            // What had memory already: single numbers, and modules that were not built as a blueprint.
            module.to(device ?? CPU, dtype ?? ScalarType.Float32);
        }
        Freeze(module);
        return module;
    }

    /// <summary>Opens a file of weights, a sharded index, or a folder that has one.</summary>
    /// <param name="prefer">Which half-precision variant of a folder to take first; see <see cref="WeightFiles"/>.</param>
    /// <exception cref="ModelFileException">Not there, damaged or refused.</exception>
    public static IWeightFile Open(string path, DType? prefer = null)
    {
        try
        {
            return WeightFiles.Open(path, prefer);
        }
        catch (FileNotFoundException e)
        {
            throw new ModelFileException(
                $"{path}: file not found; expected weights ({string.Join(", ", WeightFiles.Extensions)})", e);
        }
        catch (WeightFileException e)
        {
            throw new ModelFileException(e.Message, e);
        }
    }

    /// <summary>
    /// The tensors of a file under its own names, or under those <paramref name="rename"/> gives them (null = not ours, skip).
    /// </summary>
    /// <exception cref="ModelFileException">Two keys get the same name.</exception>
    public static IReadOnlyDictionary<string, StoredTensor> AsNamed(IWeightFile file, Func<string, string?>? rename = null)
    {
        var stored = new Dictionary<string, StoredTensor>();
        foreach (var (key, info) in file.Tensors)
        {
            if ((rename is null ? key : rename(key)) is { } name
                && !stored.TryAdd(name, new StoredTensor(key, info.Shape, () => TensorFile.Read(file, key))))
            {
                throw new ModelFileException($"{file.Path}: {key} and {stored[name].Key} are the same weight ({name})");
            }
        }
        return stored;
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

    private static Tensor Reading(StoredTensor stored)
    {
        try
        {
            return stored.Read();
        }
        catch (WeightFileException e)
        {
            throw new ModelFileException(e.Message, e);
        }
    }
}

/// <summary>A tensor of an open file: its key there, its shape as the module wants it, and how to read it.</summary>
public sealed record StoredTensor(string Key, long[] Shape, Func<Tensor> Read);
