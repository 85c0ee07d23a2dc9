namespace AlignProp.Adapters.Inspection;

/// <summary>Compares a file's keys with those its config.json stands for.</summary>
internal static class StructureCheck
{
    private const int Listed = 20;

    /// <summary>
    /// One line a key that is missing, unexpected or of another shape; the first twenty of each kind, and how many more.
    /// </summary>
    internal static IEnumerable<string> Problems(string part, JsonFacts config, IWeightFile file)
    {
        if (file.Tensors.ContainsKey("visual.conv1.weight") || StructureKeys.Of(config) is not { } expected)
        {
            return [];
        }

        var found = new Dictionary<string, (string, long[])>(StringComparer.Ordinal);
        foreach (var (key, info) in file.Tensors)
        {
            found[Modern(key)] = (key, info.Shape);
        }

        var mismatch = KeyMismatch.Between(expected, found);
        return
        [
            .. Lines(mismatch.Shapes, s => $"{part}{s.Key} has shape [{string.Join(", ", s.Found)}], expected "
                + $"[{string.Join(", ", s.Expected)}] by config.json"),
            .. Lines(mismatch.Missing, m => $"{part}key {m.Key} [{string.Join(", ", m.Value)}] is missing"),
            .. Lines(mismatch.Unexpected, u => $"{part}key {WeightFileException.OneLine(u, 200)} is unexpected"),
        ];
    }

    private static IEnumerable<string> Lines<T>(IReadOnlyList<T> items, Func<T, string> line) =>
        items.Take(Listed).Select(line).Concat(items.Count > Listed ? [$"... and {items.Count - Listed} more like it"] : []);

    /// <summary>diffusers renamed the projections of the VAE's attention in 0.18; older files keep the old names.</summary>
    private static string Modern(string key) => key.Contains(".mid_block.attentions.", StringComparison.Ordinal)
        ? key.Replace(".query.", ".to_q.", StringComparison.Ordinal).Replace(".key.", ".to_k.", StringComparison.Ordinal)
            .Replace(".value.", ".to_v.", StringComparison.Ordinal).Replace(".proj_attn.", ".to_out.0.", StringComparison.Ordinal)
        : key;
}
