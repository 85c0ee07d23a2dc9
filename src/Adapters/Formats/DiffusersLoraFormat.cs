using System.Text.RegularExpressions;

namespace AlignProp.Adapters;

/// <summary>
/// LoRA files of diffusers (<c>pytorch_lora_weights.safetensors</c>). Written: <c>unet.MODULE.lora.down.weight</c> [r, in] and
/// <c>unet.MODULE.lora.up.weight</c> [out, r]. Read as well: PEFT's spelling (<c>lora_A</c>, <c>lora_B</c>, with or without an
/// adapter name)
/// and the attention processors of old versions (<c>MODULE.processor.to_q_lora.down.weight</c>).
/// </summary>
public static partial class DiffusersLoraFormat
{
    /// <summary>The file name diffusers looks for in a folder.</summary>
    public const string FileName = "pytorch_lora_weights.safetensors";

    private const string AdapterMetadataKey = "lora_adapter_metadata";

    private static readonly Dictionary<string, string> Metadata = new() { ["format"] = "pt" };

    /// <summary>Writes the file durably.</summary>
    /// <param name="path">Where to; see <see cref="FileName"/>.</param>
    /// <param name="weights">diffusers takes alpha = rank, so a scale other than 1 is folded into the up matrices.</param>
    /// <param name="dtype">F32, F16 or BF16.</param>
    public static void Write(string path, LoraWeights weights, DType dtype = DType.F32) =>
        SafetensorsWriter.Write(path, ToTensorData(weights, dtype), Metadata);

    /// <summary>The bytes <see cref="Write"/> would write.</summary>
    public static byte[] Serialize(LoraWeights weights, DType dtype = DType.F32) =>
        SafetensorsWriter.Serialize(ToTensorData(weights, dtype), Metadata);

    /// <summary>Reads a file of any of the spellings.</summary>
    /// <exception cref="WeightFileException">Neither valid safetensors nor a PyTorch zip file.</exception>
    /// <exception cref="LoraFormatException">A key is not a UNet LoRA parameter, or the shapes do not fit.</exception>
    public static LoraWeights Read(string path)
    {
        using var file = WeightFiles.Open(path);
        return Read(file);
    }

    /// <summary>Reads an open file; see <see cref="Read(string)"/>.</summary>
    public static LoraWeights Read(IWeightFile file) => Import(file).Weights;

    /// <summary>Reads an open file; keys of text encoders are left out and told.</summary>
    /// <exception cref="LoraFormatException">A key is not a LoRA parameter, or the shapes do not fit.</exception>
    public static ImportedLora Import(IWeightFile file) => Import(file, ScalingOfMetadata(file));

    internal static ImportedLora Import(IWeightFile file, PeftScaling? scaling)
    {
        ArgumentNullException.ThrowIfNull(file);
        var assembler = new LoraAssembler(file);
        foreach (var key in file.Tensors.Keys)
        {
            if (key.StartsWith("text_encoder", StringComparison.Ordinal))
            {
                assembler.Skip(key);
                continue;
            }

            var match = KeyPattern().Match(key);
            if (!match.Success)
            {
                assembler.Refuse(key, ForeignKeys.Reason(key) ?? "is not a LoRA parameter in the spelling of diffusers or PEFT");
                continue;
            }

            var module = match.Groups["module"].Value + Projection(match.Groups["processor"].Value);
            if (match.Groups["alpha"].Success)
            {
                assembler.AddAlpha(key, module);
            }
            else if (match.Groups["down"].Success)
            {
                assembler.AddDown(key, module);
            }
            else
            {
                assembler.AddUp(key, module);
            }
        }

        return assembler.Build(scaling is null ? null : scaling.AlphaOf);
    }

    [GeneratedRegex(
        @"^(base_model\.model\.)?(unet\.)?(?<module>.+?)" +
        @"(\.alpha(?<alpha>)" +
        @"|\.(lora\.|processor\.(?<processor>to_q|to_k|to_v|to_out)_lora\.)((?<down>down)|(?<up>up))\.weight" +
        @"|\.((?<down>lora_A)|(?<up>lora_B))(\.[^.]+)?\.weight)$",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant)]
    private static partial Regex KeyPattern();

    private static string Projection(string processor) => processor switch
    {
        "" => "",
        "to_out" => ".to_out.0",
        _ => "." + processor,
    };

    /// <summary>Newer versions of diffusers write PEFT's configuration into the metadata.</summary>
    private static PeftScaling? ScalingOfMetadata(IWeightFile file) => file.Metadata.TryGetValue(AdapterMetadataKey, out var text)
        ? PeftScaling.Parse(file.Path, $"__metadata__.{AdapterMetadataKey}", System.Text.Encoding.UTF8.GetBytes(text), "unet.")
        : null;

    private static IEnumerable<TensorData> ToTensorData(LoraWeights weights, DType dtype)
    {
        ArgumentNullException.ThrowIfNull(weights);
        var scale = (float)weights.Scale;
        foreach (var tensor in weights.Tensors)
        {
            var (module, isDown) = LoraNames.Split(tensor.Name);
            var values = isDown || scale == 1 ? tensor.Values : Elementwise.Scale(tensor.Values, scale);
            yield return LoraExport.Tensor($"unet.{module}.lora.{(isDown ? "down" : "up")}.weight", tensor.Shape, values, dtype);
        }
    }
}
