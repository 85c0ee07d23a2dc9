namespace AlignProp.Adapters;

/// <summary>
/// A safetensors file is malformed, or lacks what was asked of it. The message names the file and, where there is one, the key.
/// </summary>
public sealed class SafetensorsException(string path, string? key, string problem, Exception? inner = null)
    : WeightFileException(path, key, problem, inner);
