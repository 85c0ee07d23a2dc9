namespace AlignProp.Adapters;

/// <summary>A LoRA of any tool in this project's form, and what became of the rest of its file.</summary>
/// <param name="Weights">
/// Of the denoiser. Modules of a smaller rank than the largest are filled up with zeros, which add nothing.
/// </param>
/// <param name="Notices">One line each: what was left out, and where the strength comes from if not from the file.</param>
/// <param name="Ranks">The rank of each module as the file has it.</param>
public sealed record ImportedLora(LoraWeights Weights, IReadOnlyList<string> Notices, IReadOnlyDictionary<string, int> Ranks)
{
    /// <summary>The notices in one line, or null.</summary>
    public string? Note(string path) => Notices.Count == 0 ? null : $"{path}: {string.Join("; ", Notices)}";

    internal static ImportedLora Whole(LoraWeights weights) =>
        new(weights, [], weights.Modules.ToDictionary(m => m, _ => weights.Rank));
}

/// <summary>The first few of many names, for one line.</summary>
internal static class KeyList
{
    internal static string Of(IReadOnlyCollection<string> names, int shown = 6) =>
        string.Join(", ", names.Take(shown)) + (names.Count > shown ? $" and {names.Count - shown} more" : "");
}
