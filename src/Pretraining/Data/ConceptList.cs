namespace AlignProp.Pretraining.Data;

/// <summary>One line of the list: an emoji, by its code points, and the concept it shows.</summary>
public sealed record ConceptEntry(string CodePoints, Concept Concept);

/// <summary>The curated list of concepts, <c>concepts.txt</c>, embedded in the assembly.</summary>
public sealed class ConceptList
{
    private const string ResourceName = "concepts.txt";
    private static readonly Lazy<ConceptList> _embedded = new(LoadEmbedded);

    private ConceptList(IReadOnlyList<ConceptEntry> entries)
    {
        Entries = entries;
        Concepts = [.. entries.Select(entry => entry.Concept).Distinct()];
        var twice = Concepts.GroupBy(concept => concept.Name).FirstOrDefault(group => group.Count() > 1);
        if (twice is not null)
        {
            throw new FormatException($"Concept '{twice.Key}' is listed with different kinds or splits.");
        }
    }

    /// <summary>The list that ships with the project.</summary>
    public static ConceptList Embedded => _embedded.Value;

    /// <summary>All emoji, in the order of the file.</summary>
    public IReadOnlyList<ConceptEntry> Entries { get; }

    /// <summary>The distinct concepts, in the order of their first emoji.</summary>
    public IReadOnlyList<Concept> Concepts { get; }

    /// <summary>
    /// Reads the line format <c>code points | name | animal|object | train|eval|-</c>; '#' starts a comment line.
    /// </summary>
    public static ConceptList Parse(TextReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        var entries = new List<ConceptEntry>();
        for (var line = reader.ReadLine(); line is not null; line = reader.ReadLine())
        {
            if (!string.IsNullOrWhiteSpace(line) && !line.StartsWith('#'))
            {
                entries.Add(ParseLine(line));
            }
        }

        return new ConceptList(entries);
    }

    private static ConceptEntry ParseLine(string line)
    {
        var fields = line.Split('|', StringSplitOptions.TrimEntries);
        if (fields.Length != 4)
        {
            throw new FormatException($"Expected four fields: {line}");
        }

        var isAnimal = fields[2] switch
        {
            "animal" => true,
            "object" => false,
            _ => throw new FormatException($"Neither animal nor object: {line}"),
        };
        var split = fields[3] switch
        {
            "train" => ConceptSplit.Train,
            "eval" => ConceptSplit.Eval,
            "-" => ConceptSplit.None,
            _ => throw new FormatException($"Unknown split: {line}"),
        };
        return new ConceptEntry(fields[0], new Concept(fields[1], isAnimal, split));
    }

    private static ConceptList LoadEmbedded()
    {
        using var stream = typeof(ConceptList).Assembly.GetManifestResourceStream(ResourceName)
            ?? throw new InvalidOperationException($"{ResourceName} is not embedded.");
        using var reader = new StreamReader(stream);
        return Parse(reader);
    }
}
