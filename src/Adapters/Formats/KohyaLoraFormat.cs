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
            var flat = module.Replace('.', '_');
            if (DenoiserFamily.Of(SiteReader.Component).Find(flat) != module)
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
