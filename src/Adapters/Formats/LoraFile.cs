namespace AlignProp.Adapters;

/// <summary>Reads an adapter whatever its format.</summary>
public static class LoraFile
{
    /// <summary>Reads this project's own format, kohya's or one of diffusers' spellings, told apart by the content.</summary>
    /// <exception cref="WeightFileException">Neither valid safetensors nor a PyTorch zip file.</exception>
    /// <exception cref="LoraFormatException">Not a UNet LoRA in a known format.</exception>
    public static LoraWeights Read(string path)
    {
        using var file = WeightFiles.Open(path);
        return Read(file);
    }

    /// <summary>Reads an open file; see <see cref="Read(string)"/>.</summary>
    public static LoraWeights Read(IWeightFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        if (LoraCodec.IsOwnFormat(file))
        {
            return LoraCodec.Read(file);
        }

        return file.Tensors.Keys.Any(KohyaLoraFormat.Matches) ? KohyaLoraFormat.Read(file) : DiffusersLoraFormat.Read(file);
    }
}
