using System.Text;

namespace AlignProp.Adapters;

/// <summary>A key that is there with another shape.</summary>
/// <param name="Key">The key in the file.</param>
/// <param name="Found">Its shape there.</param>
/// <param name="Expected">The shape the structure has.</param>
public sealed record ShapeMismatch(string Key, IReadOnlyList<long> Found, IReadOnlyList<long> Expected);

/// <summary>All differences between the keys a structure has and those of a file.</summary>
/// <param name="Missing">Keys the file lacks, with the shape expected.</param>
/// <param name="Unexpected">Keys of the file that the structure has no place for.</param>
/// <param name="Shapes">Keys with another shape.</param>
public sealed record KeyMismatch(IReadOnlyList<KeyValuePair<string, long[]>> Missing, IReadOnlyList<string> Unexpected,
    IReadOnlyList<ShapeMismatch> Shapes)
{
    /// <summary>
    /// Above this, a kind's keys are counted, not listed: it is another model, and the first hundred say which.
    /// </summary>
    private const int Listed = 100;

    /// <summary>Whether there is no difference.</summary>
    public bool IsEmpty => Missing.Count == 0 && Unexpected.Count == 0 && Shapes.Count == 0;

    /// <summary>Compares by name; all three lists are in ordinal order.</summary>
    /// <param name="expected">Shapes by key, as the structure has them.</param>
    /// <param name="found">
    /// Shapes by key, as the file has them under the structure's names, and the keys they have in the file.
    /// </param>
    public static KeyMismatch Between(IReadOnlyDictionary<string, long[]> expected,
        IReadOnlyDictionary<string, (string Key, long[] Shape)> found)
    {
        ArgumentNullException.ThrowIfNull(expected);
        ArgumentNullException.ThrowIfNull(found);
        return new KeyMismatch(
            [.. expected.Where(e => !found.ContainsKey(e.Key)).OrderBy(e => e.Key, StringComparer.Ordinal)],
            [.. found.Where(f => !expected.ContainsKey(f.Key) && !IsBuffer(f.Key)).Select(f => f.Value.Key).Distinct()
                .Order(StringComparer.Ordinal)],
            [.. expected.Where(e => found.TryGetValue(e.Key, out var f) && !Fits(f.Shape, e.Value))
                .Select(e => new ShapeMismatch(found[e.Key].Key, found[e.Key].Shape, e.Value))
                    .OrderBy(s => s.Key, StringComparer.Ordinal)]);
    }

    /// <summary>
    /// Whether a stored tensor can be read as one of the expected shape: equal, or a 1x1 convolution for a matrix (old VAE files
    /// store the attention's projections so, and SD 1.x its transformers' where a later structure has linear ones): the same
    /// numbers, two axes more.
    /// </summary>
    public static bool Fits(IReadOnlyList<long> found, IReadOnlyList<long> expected)
    {
        ArgumentNullException.ThrowIfNull(found);
        ArgumentNullException.ThrowIfNull(expected);
        return found.SequenceEqual(expected)
            || (found is [_, _, 1, 1] && expected.Count == 2 && found.Take(2).SequenceEqual(expected));
    }

    /// <summary>The whole list under one heading, for a person: one line a key.</summary>
    /// <param name="path">The file.</param>
    /// <param name="structure">What it should have fitted.</param>
    public string Describe(string path, string structure)
    {
        var text = new StringBuilder($"{path} does not fit {structure}: {string.Join(", ", Counts())}");
        Append(text, Missing, m => $"missing: {Name(m.Key)} {Shape(m.Value)}");
        Append(text, Unexpected, u => $"unexpected: {Name(u)}");
        Append(text, Shapes, s => $"{Name(s.Key)} has shape {Shape(s.Found)}, expected {Shape(s.Expected)}");
        return text.ToString();
    }

    private IEnumerable<string> Counts() =>
        new[] { (Missing.Count, "missing"), (Unexpected.Count, "unexpected"), (Shapes.Count, "of another shape") }
        .Where(c => c.Count > 0).Select(c => $"{c.Count} {(c.Count == 1 ? "key" : "keys")} {c.Item2}");

    private static void Append<T>(StringBuilder text, IReadOnlyList<T> items, Func<T, string> line)
    {
        foreach (var item in items.Take(Listed))
        {
            text.Append("\n  ").Append(line(item));
        }

        if (items.Count > Listed)
        {
            text.Append($"\n  and {items.Count - Listed} more like the last");
        }
    }

    // Buffers that transformers and torch once saved and now compute: they say nothing of the weights.
    private static bool IsBuffer(string name) => name.EndsWith("position_ids", StringComparison.Ordinal)
        || name.EndsWith("num_batches_tracked", StringComparison.Ordinal);

    private static string Name(string key) => WeightFileException.OneLine(key, 200);

    private static string Shape(IReadOnlyList<long> shape) => $"[{string.Join(", ", shape)}]";
}
