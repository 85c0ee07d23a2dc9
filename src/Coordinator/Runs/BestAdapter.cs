using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Runs;

/// <summary>
/// Which evaluated adapter a run would take: the highest held-out mean of the trained reward among those with enough diversity
/// between prompts (<c>stopping.min-diversity</c>) and no watched reward below what it may fall to. Of equals the earliest.
/// </summary>
public static class BestAdapter
{
    /// <returns>The place among the evaluations, the first of which always qualifies; null without any.</returns>
    public static int? Of(RunConfig config, IReadOnlyList<EvaluationRecorded> evaluations)
    {
        var watched = new WatchedRewards(config);
        int? best = null;
        for (var i = 0; i < evaluations.Count; i++)
        {
            var fits = evaluations[i].Diversity >= config.Stopping.MinDiversity * evaluations[0].Diversity
                && watched.Fallen([.. evaluations.Take(i + 1)]) is null;
            if (i == 0 || (fits && evaluations[i].RewardMean > evaluations[best!.Value].RewardMean))
            {
                best = i;
            }
        }
        return best;
    }
}
