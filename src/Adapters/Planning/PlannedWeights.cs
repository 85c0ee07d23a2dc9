namespace AlignProp.Adapters.Planning;

/// <summary>A network of a plan: where its weights are, and which keys and shapes its configuration stands for.</summary>
/// <param name="Part">For messages: unet, vae, text_encoder; or the prefix of its keys.</param>
/// <param name="Place">The folder, or the single file.</param>
/// <param name="Stem">Of the file in the folder; null = the place is the file.</param>
/// <param name="Expected">Null where the configuration does not say.</param>
/// <param name="Found">The keys of the file under the structure's names.</param>
public sealed record PlannedWeights(string Part, string Place, string? Stem, IReadOnlyDictionary<string, long[]>? Expected,
    Func<IWeightFile, IEnumerable<(string Name, string Key, long[] Shape)>> Found)
{
    private const int Listed = 20;

    /// <summary>
    /// One line a key that is missing, unexpected or of another shape; the first twenty of each kind, and how many more.
    /// </summary>
    public IReadOnlyList<string> Problems()
    {
        if ((Stem is null ? Place : WeightFiles.TryFind(Place, Stem)) is not { } path)
        {
            return [$"{Part}/{Stem}.safetensors is missing"];
        }
        try
        {
            using var file = WeightFiles.Open(path);
            return Problems(file);
        }
        catch (WeightFileException e)
        {
            return [e.Message];
        }
    }

    /// <inheritdoc cref="Problems()"/>
    public IReadOnlyList<string> Problems(IWeightFile file)
    {
        if (Expected is null)
        {
            return [];
        }
        var found = new Dictionary<string, (string, long[])>(StringComparer.Ordinal);
        foreach (var (name, key, shape) in Found(file))
        {
            found[name] = (key, shape);
        }
        var (mismatch, by, part) = (KeyMismatch.Between(Expected, found), Stem is null ? "" : " by config.json",
            Part.Length == 0 ? "" : $"{Part}: ");
        return
        [
            .. Lines(mismatch.Shapes, s => $"{part}{s.Key} has shape [{string.Join(", ", s.Found)}], expected "
                + $"[{string.Join(", ", s.Expected)}]{by}"),
            .. Lines(mismatch.Missing, m => $"{part}key {m.Key} [{string.Join(", ", m.Value)}] is missing"),
            .. Lines(mismatch.Unexpected, u => $"{part}key {WeightFileException.OneLine(u, 200)} is unexpected"),
        ];
    }

    /// <summary>The keys of a file of its own, renamed.</summary>
    internal static Func<IWeightFile, IEnumerable<(string, string, long[])>> Named(Func<string, string> rename) =>
        file => file.Tensors.Select(t => (rename(t.Key), t.Key, t.Value.Shape));

    /// <summary>The keys of a single file that begin with a prefix, without it and renamed.</summary>
    internal static Func<IWeightFile, IEnumerable<(string, string, long[])>> Inside(string prefix, Func<string, string> rename) =>
        file => file.Tensors.Where(t => t.Key.StartsWith(prefix, StringComparison.Ordinal))
            .Select(t => (rename(t.Key[prefix.Length..]), t.Key, t.Value.Shape));

    private static IEnumerable<string> Lines<T>(IReadOnlyList<T> items, Func<T, string> line) =>
        items.Take(Listed).Select(line).Concat(items.Count > Listed ? [$"... and {items.Count - Listed} more like it"] : []);
}
