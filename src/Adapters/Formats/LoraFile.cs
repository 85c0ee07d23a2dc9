namespace AlignProp.Adapters;

/// <summary>Reads an adapter whatever its format.</summary>
public static class LoraFile
{
    /// <summary>The weights of <see cref="Import(string, AdapterSites)"/>.</summary>
    /// <exception cref="WeightFileException">Neither valid safetensors nor a PyTorch zip file.</exception>
    /// <exception cref="LoraFormatException">Not a UNet LoRA in a known format.</exception>
    public static LoraWeights Read(string path) => Import(path).Weights;

    /// <summary>
    /// Reads this project's own format, one of diffusers', PEFT's, kohya's or CompVis' spellings, or a folder as PEFT or
    /// diffusers save it. Keys say which spelling they have; in a folder <c>adapter_config.json</c> goes before
    /// <c>pytorch_lora_weights.safetensors</c>.
    /// </summary>
    /// <param name="sites">Of the model it is for: names and sizes are checked against it; null = not known.</param>
    /// <exception cref="WeightFileException">
    /// Neither valid safetensors nor a PyTorch zip file, a folder without an adapter, or a value that is not finite.
    /// </exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="LoraFormatException">Not a UNet LoRA in a known format, or one of another model.</exception>
    public static ImportedLora Import(string path, AdapterSites? sites = null)
    {
        if (Directory.Exists(path))
        {
            return ImportFolder(path, sites);
        }

        using var file = WeightFiles.Open(path);
        return Import(file, sites);
    }

    /// <summary>Reads an open file; see <see cref="Import(string, AdapterSites)"/>.</summary>
    public static ImportedLora Import(IWeightFile file, AdapterSites? sites = null)
    {
        ArgumentNullException.ThrowIfNull(file);
        if (!LoraCodec.IsOwnFormat(file))
        {
            return LoraReader.Import(file, sites);
        }

        foreach (var key in file.Tensors.Keys)
        {
            file.RequireFinite(key);
        }

        var own = LoraCodec.Read(file);
        RequireFit(file, own, sites?.Model);
        return ImportedLora.Whole(own);
    }

    private static void RequireFit(IWeightFile file, LoraWeights own, AdapterSites? model)
    {
        foreach (var module in model is null ? [] : own.Modules)
        {
            if (model!.Find(module) is not { } site)
            {
                throw new LoraFormatException(file.Path, LoraNames.Down(module),
                    $"{model.WhyNot(module)}: an adapter of another model");
            }

            if (site.Misfit(own) is { } sizes)
            {
                throw new LoraFormatException(file.Path, LoraNames.Down(module),
                    $"is {sizes}, the layer's weights are [{string.Join(", ", site.Shape)}]: an adapter of another model");
            }
        }
    }

    private static ImportedLora ImportFolder(string folder, AdapterSites? sites)
    {
        if (File.Exists(Path.Combine(folder, PeftLoraFormat.ConfigName)))
        {
            return PeftLoraFormat.Import(folder, sites);
        }

        var named = WeightFiles.TryFind(folder, Path.GetFileNameWithoutExtension(DiffusersLoraFormat.FileName));
        var files = named is not null ? [named] : Directory.GetFiles(folder, "*.safetensors");
        return files is [var only]
            ? Import(only, sites)
            : throw new WeightFileException(folder, null,
                $"no adapter in this folder; expected {PeftLoraFormat.ConfigName}, {DiffusersLoraFormat.FileName}, or one "
                + $".safetensors file (found {files.Length})");
    }
}
