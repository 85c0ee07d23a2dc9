namespace AlignProp.Messages.Configuration;

/// <summary>
/// How the rewards of a run are called in results and reports: by name, with a number from the second of a kind on.
/// </summary>
public static class RewardLabels
{
    /// <summary>The terms of what is trained on, in an evaluation followed by the rewards that are only evaluated.</summary>
    public static IReadOnlyList<string> Of(RunConfig config, bool evaluation = true)
    {
        var names = config.Reward.Sum.Concat(evaluation ? config.Evaluation.Rewards : []).Select(t => t.Name).ToList();
        return [.. names.Select((name, i) => names.Take(i).Count(n => n == name) is var earlier and > 0 ? $"{name}-{earlier + 1}"
            : name)];
    }
}
