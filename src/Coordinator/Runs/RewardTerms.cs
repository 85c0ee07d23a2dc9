using AlignProp.Adapters;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Runs;

/// <summary>The rewards of a run file as shards carry them: full paths, fingerprints, labels of their own.</summary>
public static class RewardTerms
{
    /// <param name="before">Rewards of the run that come before these: a name that is taken is counted on.</param>
    public static IReadOnlyList<RewardTerm> Of(IReadOnlyList<RewardTermConfig> terms, IReadOnlyList<RewardTermConfig>? before = null)
    {
        var all = (before ?? []).Concat(terms).ToList();
        return [.. Enumerable.Range(before?.Count ?? 0, terms.Count).Select(i => Term(all[i], Label(all, i)))];
    }

    /// <summary>The reward's name, with a number from the second of a kind on.</summary>
    private static string Label(List<RewardTermConfig> all, int index)
    {
        var earlier = all.Take(index).Count(t => t.Name == all[index].Name);
        return earlier == 0 ? all[index].Name : $"{all[index].Name}-{earlier + 1}";
    }

    private static RewardTerm Term(RewardTermConfig term, string label)
    {
        var path = term.Path.Length == 0 || RewardCatalog.Find(term.Name)?.Files == RewardFiles.None ? "" : Path.GetFullPath(term.Path);
        return new RewardTerm(label, term.Name, path, RewardFingerprint.Of(path), term.Weight, term.Mean, term.Std, string.Join('\n', term.Words), term.Quality);
    }
}
