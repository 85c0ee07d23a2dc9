namespace AlignProp.Adapters;

/// <summary>A LoRA of any tool in this project's form, and what became of the rest of its file.</summary>
/// <param name="Weights">
/// Of the UNet. Modules of a smaller rank than the largest are filled up with zeros, which add nothing.
/// </param>
/// <param name="Skipped">Keys that adapt a text encoder, in ordinal order: this project adapts UNets only.</param>
/// <param name="Ranks">The rank of each module as the file has it.</param>
public sealed record ImportedLora(LoraWeights Weights, IReadOnlyList<string> Skipped, IReadOnlyDictionary<string, int> Ranks)
{
    /// <summary>One line on the keys that were left out, or null.</summary>
    public string? Note(string path) => Skipped.Count == 0
        ? null
        : $"{path}: {Skipped.Count} keys adapt a text encoder and are left out: {KeyList.Of(Skipped, 2)}";

    internal static ImportedLora Whole(LoraWeights weights) =>
        new(weights, [], weights.Modules.ToDictionary(m => m, _ => weights.Rank));
}

/// <summary>The first few of many names, for one line.</summary>
internal static class KeyList
{
    internal static string Of(IReadOnlyCollection<string> names, int shown = 6) =>
        string.Join(", ", names.Take(shown)) + (names.Count > shown ? $" and {names.Count - shown} more" : "");
}
