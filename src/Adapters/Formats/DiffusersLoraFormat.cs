using System.Text.Json.Nodes;

namespace AlignProp.Adapters;

/// <summary>
/// LoRA files of diffusers (<c>pytorch_lora_weights.safetensors</c>), in three forms: A and B as they are with the strength in
/// the header, which diffusers 0.34 and later read; A and B times the scale, for older ones; and the same with the names of
/// before PEFT, which is a run's own file.
/// </summary>
public static class DiffusersLoraFormat
{
    /// <summary>The file name diffusers looks for in a folder.</summary>
    public const string FileName = "pytorch_lora_weights.safetensors";

    /// <summary>Where diffusers 0.34 and later have PEFT's configuration in the header.</summary>
    internal const string AdapterMetadata = "lora_adapter_metadata";

    private const string Prefix = SiteReader.Component + ".";

    private static readonly Dictionary<string, string> Metadata = new() { ["format"] = "pt" };

    /// <summary>
    /// Writes a run's own file durably: <c>unet.MODULE.lora.down.weight</c> [r, in], <c>.lora.up.weight</c> [out, r].
    /// </summary>
    /// <param name="path">Where to; see <see cref="FileName"/>.</param>
    /// <param name="weights">The form has no alpha, so a scale other than 1 is folded into the up matrices.</param>
    /// <param name="dtype">F32, F16 or BF16.</param>
    public static void Write(string path, LoraWeights weights, DType dtype = DType.F32) =>
        SafetensorsWriter.Write(path, Folded(weights, dtype, "lora.down", "lora.up"), Metadata);

    /// <summary>The bytes <see cref="Write"/> would write.</summary>
    public static byte[] Serialize(LoraWeights weights, DType dtype = DType.F32) =>
        SafetensorsWriter.Serialize(Folded(weights, dtype, "lora.down", "lora.up"), Metadata);

    /// <summary>
    /// Writes <c>unet.MODULE.lora_A.weight</c> and <c>.lora_B.weight</c> durably, B times the scale: any version of diffusers
    /// that knows PEFT takes scale 1.
    /// </summary>
    /// <inheritdoc cref="Write" path="/param"/>
    public static void WriteFolded(string path, LoraWeights weights, DType dtype = DType.F32) =>
        SafetensorsWriter.Write(path, Folded(weights, dtype, "lora_A", "lora_B"), Metadata);

    /// <summary>
    /// Writes <c>unet.MODULE.lora_A.weight</c> and <c>.lora_B.weight</c> durably as they are; rank and alpha stand in the header
    /// as diffusers' <c>save_lora_weights</c> has them since 0.34, so that nothing is rounded.
    /// </summary>
    /// <inheritdoc cref="Write" path="/param"/>
    /// <param name="modules">All modules of the base model that could have a branch; null = each that has one is named.</param>
    public static void WriteWithStrength(string path, LoraWeights weights, IReadOnlyCollection<string>? modules = null,
        DType dtype = DType.F32)
    {
        ArgumentNullException.ThrowIfNull(weights);
        SafetensorsWriter.Write(path,
            weights.Tensors.Select(t => LoraExport.Tensor(Prefix + t.Name, t.Shape, t.Values, dtype)),
            new Dictionary<string, string>(Metadata) { [AdapterMetadata] = Settings(weights, modules) });
    }

    private static string Settings(LoraWeights weights, IReadOnlyCollection<string>? modules) =>
        new JsonObject(PeftLoraFormat.Settings(weights, modules)
            .Select(s => KeyValuePair.Create(Prefix + s.Key, s.Value?.DeepClone()))).ToJsonString(PeftLoraFormat.Indented);

    private static IEnumerable<TensorData> Folded(LoraWeights weights, DType dtype, string down, string up)
    {
        ArgumentNullException.ThrowIfNull(weights);
        var scale = (float)weights.Scale;
        foreach (var tensor in weights.Tensors)
        {
            var (module, isDown) = LoraNames.Split(tensor.Name);
            var values = isDown || scale == 1 ? tensor.Values : Elementwise.Scale(tensor.Values, scale);
            yield return LoraExport.Tensor($"{Prefix}{module}.{(isDown ? down : up)}.weight", tensor.Shape, values, dtype);
        }
    }
}
