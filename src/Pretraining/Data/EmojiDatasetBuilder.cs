namespace AlignProp.Pretraining.Data;

/// <summary>Draws every listed emoji in every style and gathers the pictures.</summary>
public static class EmojiDatasetBuilder
{
    private const int Oversampling = 8;

    /// <summary>Builds the dataset; an emoji a family lacks is left out and named on <paramref name="log"/>.</summary>
    public static async Task<EmojiDataset> BuildAsync(
        ConceptList list,
        IReadOnlyList<IEmojiFamily> families,
        int size,
        TextWriter log,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(list);
        ArgumentNullException.ThrowIfNull(families);
        ArgumentNullException.ThrowIfNull(log);
        var jobs = (from entry in list.Entries from style in Enumerable.Range(0, families.Count) select (entry, style)).ToArray();
        var pictures = new byte[]?[jobs.Length];
        await Parallel.ForAsync(0, jobs.Length, cancellation, async (job, stop) =>
        {
            var (entry, style) = jobs[job];
            var image = await families[style].DrawAsync(entry.CodePoints, size * Oversampling, stop);
            pictures[job] = image is null ? null : EmojiFrame.Fit(image, size);
        });

        var concepts = list.Concepts.Index().ToDictionary(item => item.Item, item => item.Index);
        var found = Enumerable.Range(0, jobs.Length).Where(job => pictures[job] is not null).ToArray();
        foreach (var (entry, style) in jobs.Where((_, job) => pictures[job] is null))
        {
            await log.WriteLineAsync($"missing: {entry.Concept.Name} ({entry.CodePoints}) as {EmojiStyles.Names[style]}");
        }

        return new EmojiDataset(
            size,
            [.. found.SelectMany(job => pictures[job]!)],
            [.. found.Select(job => concepts[jobs[job].entry.Concept])],
            [.. found.Select(job => jobs[job].style)],
            list.Concepts,
            EmojiStyles.Names);
    }
}
