using System.Globalization;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Runs;

/// <summary>
/// Rewards an eye is kept on (<c>stopping.watch</c>): each may fall so far below its best held-out mean, and no further.
/// </summary>
public sealed class WatchedRewards
{
    private readonly IReadOnlyList<(string Label, double Fall)> _watched;

    /// <exception cref="ConfigException">An entry is no reward of the run with a number.</exception>
    public WatchedRewards(RunConfig config)
    {
        var labels = RewardLabels.Of(config);
        _watched = [.. config.Stopping.Watch.Select(Parse)];

        (string, double) Parse(string entry)
        {
            var parts = entry.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return parts.Length == 2 && labels.Contains(parts[0])
                && double.TryParse(parts[1], NumberStyles.Float, CultureInfo.InvariantCulture, out var fall)
                && fall is >= 0 and < double.PositiveInfinity
                ? (parts[0], fall)
                : throw new ConfigException($"stopping.watch = {entry}: expected a reward and how far it may fall, e.g. "
                    + $"\"{labels[^1]} 0.1\"; rewards of this run: {string.Join(", ", labels)}");
        }
    }

    /// <summary>What has fallen too far at the last of these evaluations, in words; null = nothing.</summary>
    public string? Fallen(IReadOnlyList<EvaluationRecorded> evaluations)
    {
        foreach (var (label, fall) in _watched)
        {
            var means = evaluations.SelectMany(e => (e.Terms ?? []).Where(t => t.Label == label)).Select(t => t.Mean).ToList();
            if (means.Count > 0 && means.Max() - means[^1] > fall)
            {
                return string.Create(CultureInfo.InvariantCulture,
                    $"watched reward: the held-out mean of {label} fell from {means.Max():F4} to {means[^1]:F4}, by more than "
                    + $"{fall}");
            }
        }
        return null;
    }
}
