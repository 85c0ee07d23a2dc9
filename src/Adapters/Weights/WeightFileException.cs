using System.Text;

namespace AlignProp.Adapters;

/// <summary>
/// A file of weights is malformed, refused, or lacks what was asked of it. The message is one line that names the file and, where
/// there is one, the key.
/// </summary>
public class WeightFileException : Exception
{
    private const int LongestName = 200;
    private const int LongestProblem = 600;

    /// <summary>Creates the exception.</summary>
    /// <param name="path">File path, or a word for bytes in memory.</param>
    /// <param name="key">Tensor or metadata key at fault, if any.</param>
    /// <param name="problem">What is wrong.</param>
    /// <param name="inner">Cause, if any.</param>
    public WeightFileException(string path, string? key, string problem, Exception? inner = null)
        : base(key is null ? $"{path}: {OneLine(problem, LongestProblem)}"
            : $"{path}: '{OneLine(key, LongestName)}': {OneLine(problem, LongestProblem)}", inner)
    {
        Path = path;
        Key = key;
    }

    /// <summary>File path, or a word for bytes in memory.</summary>
    public string Path { get; }

    /// <summary>Key at fault, if any.</summary>
    public string? Key { get; }

    // Names come from the file: a hostile one must not write escape sequences to a terminal, or a hundred megabytes to a log.
    internal static string OneLine(string text, int longest)
    {
        var clipped = text.Length <= longest ? text : string.Concat(text.AsSpan(0, longest), "...");
        var line = new StringBuilder(clipped.Length);
        foreach (var character in clipped)
        {
            line.Append(char.IsControl(character) || char.IsSurrogate(character) ? '?' : character);
        }

        return line.ToString();
    }
}
