using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Runs;

/// <summary>When a run is over: epochs, target reward, plateau and collapse, on the held-out prompts.</summary>
public static class StoppingRules
{
    /// <summary>Why to stop now, or null to go on.</summary>
    /// <param name="evaluations">In order; the first is the model before training.</param>
    public static string? Reason(StoppingConfig rules, int step, int maxSteps, IReadOnlyList<EvaluationRecorded> evaluations)
    {
        if (evaluations.Count > 0)
        {
            var (first, last) = (evaluations[0], evaluations[^1]);
            if (rules.TargetReward is { } target && last.RewardMean >= target)
            {
                return $"target reward: the held-out mean {last.RewardMean:F4} reached {target:F4}";
            }
            // Early stopping guards against the paper's failure of the full chain: every prompt the same picture.
            if (rules.MinDiversity > 0 && evaluations.Count > 1 && last.Diversity < rules.MinDiversity * first.Diversity)
            {
                return $"collapse guard: diversity between prompts fell to {last.Diversity / first.Diversity:P0} of its start, "
                    + $"below {rules.MinDiversity:P0}";
            }
            if (rules.PlateauEpochs > 0 && evaluations.Count > rules.PlateauEpochs)
            {
                var before = evaluations.Take(evaluations.Count - rules.PlateauEpochs).Max(e => e.RewardMean);
                if (evaluations.TakeLast(rules.PlateauEpochs).All(e => e.RewardMean < before + rules.PlateauDelta))
                {
                    return $"plateau: no rise of {rules.PlateauDelta} over {before:F4} in {rules.PlateauEpochs} evaluations";
                }
            }
        }
        return step >= maxSteps ? $"all {maxSteps} steps done" : null;
    }
}
