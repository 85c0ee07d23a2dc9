namespace AlignProp.Adapters;

/// <summary>Two sets of LoRA tensors do not belong together. The message names the key.</summary>
public sealed class LoraShapeException(string key, string problem) : Exception($"'{key}': {problem}")
{
    /// <summary>The tensor at fault.</summary>
    public string Key { get; } = key;
}
