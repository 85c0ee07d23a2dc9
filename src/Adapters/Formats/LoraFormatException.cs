namespace AlignProp.Adapters;

/// <summary>A valid safetensors file that is not a LoRA this project can use. The message names the file and the key.</summary>
public sealed class LoraFormatException(string path, string key, string problem, Exception? inner = null)
    : Exception($"{path}: '{key}': {problem}", inner)
{
    /// <summary>File path, or what the bytes in memory are called.</summary>
    public string Path { get; } = path;

    /// <summary>The key at fault.</summary>
    public string Key { get; } = key;
}
