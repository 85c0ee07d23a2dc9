using System.Globalization;
using AlignProp.Adapters.Planning;

namespace AlignProp.Adapters.Inspection;

/// <summary>What a plan says of how a model is sampled.</summary>
internal static class PlanFacts
{
    internal static IEnumerable<KeyValuePair<string, string>> Of(ModelPlan plan)
    {
        if (plan.Scheduler is { } scheduler)
        {
            yield return new("prediction type", scheduler.PredictionType
                + (plan.PredictionSource.Length > 0 ? $" ({plan.PredictionSource})" : ""));
            yield return new("noise schedule", string.Create(CultureInfo.InvariantCulture,
                $"{scheduler.BetaSchedule} {scheduler.BetaStart} to {scheduler.BetaEnd}, {scheduler.TrainTimesteps} steps")
                + (scheduler.RescaleBetasZeroSnr ? ", rescaled to zero terminal SNR" : ""));
        }

        foreach (var text in plan.Texts.Where(t => t.Tokenizer?.AddedWords.Count > 0))
        {
            var words = text.Tokenizer!.AddedWords;
            yield return new($"words added to {Path.GetFileName(text.Place)}",
                string.Join(", ", words.Take(20)) + (words.Count > 20 ? $" and {words.Count - 20} more" : ""));
        }

        foreach (var (i, notice) in plan.Notices.Index())
        {
            yield return new(i == 0 ? "notice" : $"notice {i + 1}", notice);
        }
    }
}
