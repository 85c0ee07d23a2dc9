using System.Globalization;

namespace AlignProp.Adapters;

/// <summary>
/// LoRA files of kohya's scripts, which ComfyUI and A1111 load: <c>lora_unet_MODULE_WITH_UNDERSCORES.lora_down.weight</c> [r,
/// in],
/// <c>.lora_up.weight</c> [out, r] and a scalar <c>.alpha</c>.
/// </summary>
public static class KohyaLoraFormat
{
    private const string Prefix = AdapterSite.KohyaPrefix;
    private const string Down = ".lora_down.weight";
    private const string Up = ".lora_up.weight";
    private const string Alpha = ".alpha";

    /// <summary>Writes the file durably.</summary>
    /// <param name="path">Where to.</param>
    /// <param name="weights">Alpha is written for every module; nothing is folded.</param>
    /// <param name="dtype">F32, F16 or BF16.</param>
    /// <param name="metadata">Added to that of <see cref="Metadata"/>, replacing equal keys.</param>
    /// <exception cref="LoraShapeException">
    /// A module is not one of a diffusers UNet, so its name could not be read back.
    /// </exception>
    public static void Write(string path, LoraWeights weights, DType dtype = DType.F32,
        IReadOnlyDictionary<string, string>? metadata = null) =>
        DurableFile.Replace(path, stream => stream.Write(Serialize(weights, dtype, metadata)));

    /// <summary>The bytes <see cref="Write"/> would write.</summary>
    public static byte[] Serialize(LoraWeights weights, DType dtype = DType.F32,
        IReadOnlyDictionary<string, string>? metadata = null)
    {
        var tensors = ToTensorData(weights, dtype).ToList();
        var told = Merge(Metadata(weights), metadata);
        foreach (var (key, hash) in KohyaHashes.Of(tensors, told))
        {
            told[key] = hash;
        }

        return SafetensorsWriter.Serialize(tensors, told);
    }

    /// <summary>
    /// What the file says of itself before the base model is known: the network and, until <c>Write</c>'s metadata replaces it,
    /// SD 1.5 (<c>ss_base_model_version</c> <c>sd_v1</c>, <c>modelspec.architecture</c>).
    /// </summary>
    public static Dictionary<string, string> Metadata(LoraWeights weights)
    {
        ArgumentNullException.ThrowIfNull(weights);
        return new Dictionary<string, string>
        {
            ["ss_network_module"] = "networks.lora",
            ["ss_network_dim"] = weights.Rank.ToString(CultureInfo.InvariantCulture),
            ["ss_network_alpha"] = weights.Alpha.ToString("R", CultureInfo.InvariantCulture),
            ["ss_network_args"] = "{}",
            ["ss_v2"] = "False",
            ["ss_base_model_version"] = "sd_v1",
            ["modelspec.sai_model_spec"] = "1.0.0",
            ["modelspec.architecture"] = "stable-diffusion-v1/lora",
        };
    }

    /// <summary>The weights of <see cref="Import"/>.</summary>
    public static LoraWeights Read(IWeightFile file) => Import(file).Weights;

    /// <summary>Reads an open file; keys of text encoders are left out and told.</summary>
    /// <param name="sites">
    /// Of the model it is for: they say which name is which module. Null: the vocabulary of a UNet's names does.
    /// </param>
    /// <exception cref="LoraFormatException">
    /// A key is not a parameter of a diffusers-named UNet, or the shapes do not fit.
    /// </exception>
    public static ImportedLora Import(IWeightFile file, AdapterSites? sites = null)
    {
        ArgumentNullException.ThrowIfNull(file);
        var assembler = new LoraAssembler(file);
        foreach (var key in file.Tensors.Keys)
        {
            if (key.StartsWith("lora_te", StringComparison.Ordinal))
            {
                assembler.Skip(key);
                continue;
            }

            var dot = key.IndexOf('.', StringComparison.Ordinal);
            var (flat, end) = dot < 0 ? (key, "") : (key[..dot], key[dot..]);
            if (!Matches(key) || end is not (Down or Up or Alpha))
            {
                assembler.Refuse(key, ForeignKeys.Reason(key)
                    ?? (Matches(key) ? $"ends in none of {Down}, {Up}, {Alpha}"
                        : $"does not start with {Prefix}; only UNet adapters are supported"));
            }
            else if ((sites is not null && sites.TryGetKohya(flat, out var site) ? site.Module
                : KohyaModuleNames.Expand(flat[Prefix.Length..])) is not { } module)
            {
                assembler.Refuse(key,
                    $"'{flat[Prefix.Length..]}' is not a module of a UNet in diffusers' names (a file for SDXL?)");
            }
            else
            {
                Add(assembler, key, module, end);
            }
        }

        return assembler.Build();
    }

    internal static bool Matches(string key) => key.StartsWith(Prefix, StringComparison.Ordinal);

    private static void Add(LoraAssembler assembler, string key, string module, string end)
    {
        switch (end)
        {
            case Down:
                assembler.AddDown(key, module);
                break;
            case Up:
                assembler.AddUp(key, module);
                break;
            default:
                assembler.AddAlpha(key, module);
                break;
        }
    }

    private static Dictionary<string, string> Merge(Dictionary<string, string> own, IReadOnlyDictionary<string, string>? added)
    {
        foreach (var (key, value) in added ?? new Dictionary<string, string>())
        {
            own[key] = value;
        }

        return own;
    }

    private static IEnumerable<TensorData> ToTensorData(LoraWeights weights, DType dtype)
    {
        ArgumentNullException.ThrowIfNull(weights);
        foreach (var tensor in weights.Tensors)
        {
            var (module, isDown) = LoraNames.Split(tensor.Name);
            var flat = KohyaModuleNames.Flatten(module);
            if (KohyaModuleNames.Expand(flat) != module)
            {
                throw new LoraShapeException(tensor.Name,
                    $"'{module}' is not a module of a UNet in diffusers' names and has no name in kohya's format");
            }

            yield return LoraExport.Tensor($"{Prefix}{flat}{(isDown ? Down : Up)}", tensor.Shape, tensor.Values, dtype);
            if (isDown)
            {
                yield return LoraExport.Tensor($"{Prefix}{flat}{Alpha}", [], [(float)weights.Alpha], DType.F32);
            }
        }
    }
}
