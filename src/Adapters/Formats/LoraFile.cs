namespace AlignProp.Adapters;

/// <summary>Reads an adapter whatever its format.</summary>
public static class LoraFile
{
    /// <summary>The weights of <see cref="Import(string)"/>.</summary>
    /// <exception cref="WeightFileException">Neither valid safetensors nor a PyTorch zip file.</exception>
    /// <exception cref="LoraFormatException">Not a UNet LoRA in a known format.</exception>
    public static LoraWeights Read(string path) => Import(path).Weights;

    /// <summary>
    /// Reads this project's own format, kohya's, one of diffusers' spellings, or a folder as PEFT or diffusers save it. Files are told apart by
    /// their content; in a folder <c>adapter_config.json</c> goes before <c>pytorch_lora_weights.safetensors</c>.
    /// </summary>
    /// <exception cref="WeightFileException">Neither valid safetensors nor a PyTorch zip file, or a folder without an adapter.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="LoraFormatException">Not a UNet LoRA in a known format.</exception>
    public static ImportedLora Import(string path)
    {
        if (Directory.Exists(path))
        {
            return ImportFolder(path);
        }

        using var file = WeightFiles.Open(path);
        return Import(file);
    }

    /// <summary>The weights of an open file; see <see cref="Import(string)"/>.</summary>
    public static LoraWeights Read(IWeightFile file) => Import(file).Weights;

    /// <summary>Reads an open file; see <see cref="Import(string)"/>.</summary>
    public static ImportedLora Import(IWeightFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        if (LoraCodec.IsOwnFormat(file))
        {
            return ImportedLora.Whole(LoraCodec.Read(file));
        }

        return file.Tensors.Keys.Any(KohyaLoraFormat.Matches) ? KohyaLoraFormat.Import(file) : DiffusersLoraFormat.Import(file);
    }

    private static ImportedLora ImportFolder(string folder)
    {
        if (File.Exists(Path.Combine(folder, PeftLoraFormat.ConfigName)))
        {
            return PeftLoraFormat.Import(folder);
        }

        var named = WeightFiles.TryFind(folder, Path.GetFileNameWithoutExtension(DiffusersLoraFormat.FileName));
        var files = named is not null ? [named] : Directory.GetFiles(folder, "*.safetensors");
        return files is [var only]
            ? Import(only)
            : throw new WeightFileException(folder, null, $"no adapter in this folder; expected {PeftLoraFormat.ConfigName}, {DiffusersLoraFormat.FileName}, or one .safetensors file (found {files.Length})");
    }
}
