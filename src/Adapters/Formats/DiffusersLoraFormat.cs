namespace AlignProp.Adapters;

/// <summary>
/// LoRA files of diffusers (<c>pytorch_lora_weights.safetensors</c>). Written: <c>unet.MODULE.lora.down.weight</c> [r, in] and
/// <c>unet.MODULE.lora.up.weight</c> [out, r].
/// </summary>
public static class DiffusersLoraFormat
{
    /// <summary>The file name diffusers looks for in a folder.</summary>
    public const string FileName = "pytorch_lora_weights.safetensors";

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
