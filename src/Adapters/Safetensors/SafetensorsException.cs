namespace AlignProp.Adapters;

/// <summary>A safetensors file is malformed, or lacks what was asked of it. The message names the file and, where there is one, the key.</summary>
public sealed class SafetensorsException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="path">File path, or a word for bytes in memory.</param>
    /// <param name="key">Tensor or metadata key at fault, if any.</param>
    /// <param name="problem">What is wrong.</param>
    /// <param name="inner">Cause, if any.</param>
    public SafetensorsException(string path, string? key, string problem, Exception? inner = null)
        : base(key is null ? $"{path}: {problem}" : $"{path}: '{key}': {problem}", inner)
    {
        Path = path;
        Key = key;
    }

    /// <summary>File path, or a word for bytes in memory.</summary>
    public string Path { get; }

    /// <summary>Key at fault, if any.</summary>
    public string? Key { get; }
}
