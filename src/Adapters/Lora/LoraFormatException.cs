namespace AlignProp.Adapters;

/// <summary>A valid file of weights that is not a LoRA this project can use. The message names the file and the key.</summary>
public sealed class LoraFormatException(string path, string key, string problem, Exception? inner = null)
    : Exception($"{path}: '{WeightFileException.OneLine(key, 200)}': {WeightFileException.OneLine(problem, 600)}", inner)
{
    /// <summary>The key at fault.</summary>
    public string Key { get; } = key;
}
