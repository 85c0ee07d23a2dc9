using AlignProp.Adapters;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Runs;

/// <summary>
/// That a run is not silently wrong: its gradient reaches every layer it adapts, and its adapter changes pictures. Pure; what
/// fails is named, and ends the run.
/// </summary>
internal static class RunProof
{
    private const int Named = 8;

    /// <summary>After the first step: every branch got a gradient.</summary>
    /// <exception cref="InvalidDataException">Some got none.</exception>
    public static void RequireGradient(RunConfig config, int step, LoraWeights gradient)
    {
        if (step != 1)
        {
            return;
        }
        var modules = gradient.Modules.ToList();
        var dead = modules.Where(m => !Lives(gradient, m)).ToList();
        if (dead.Count == modules.Count)
        {
            // A batch whose rewards are all alike, or beyond the hinge's margin, teaches nothing; the next one may.
            if (config.Loss.Kind == "hinge" || config.Method is "ddpo" or "rwr")
            {
                return;
            }
            throw new InvalidDataException(
                "the gradient of step 1 is zero everywhere: the reward does not depend on the picture, or has no gradient there");
        }
        var silent = dead.Where(m => !LooksAtOneToken(m, gradient)).ToList();
        if (silent.Count > 0)
        {
            var rest = silent.Count > Named ? $" and {silent.Count - Named} more" : "";
            throw new InvalidDataException($"no gradient reached {silent.Count} of {modules.Count} layers in step 1: "
                + $"{string.Join(", ", silent.Take(Named))}{rest}; they are not part of what is computed: lora.targets must not "
                + "name them");
        }
    }

    /// <summary>After an evaluation of a trained adapter: why it cannot be on the model, or null.</summary>
    /// <param name="evaluations">With the new one; the first is the base model's.</param>
    public static string? Unchanged(RunConfig config, IReadOnlyList<EvaluationRecorded> evaluations)
    {
        var (first, last) = (evaluations[0], evaluations[^1]);
        var mayBeSame = config.Optimizer.LearningRate == 0 || config.Evaluation.LoraFrom <= config.Evaluation.LoraTo;
        return last.Step > first.Step && !mayBeSame && (first.RewardMean, first.RewardStd, first.Diversity)
            == (last.RewardMean, last.RewardStd, last.Diversity)
            ? $"the adapter of step {last.Step} changes no picture: reward and diversity on the held-out prompts are those of "
                + "the base model to the last digit"
            : null;
    }

    private static bool Lives(LoraWeights gradient, string module) =>
        Any(gradient, LoraNames.Down(module)) || Any(gradient, LoraNames.Up(module));

    private static bool Any(LoraWeights gradient, string name) => Array.Exists(gradient[name].Values, v => v != 0);

    /// <summary>
    /// Attention over a single position (a 1 x 1 level of a small model) is the same whatever query and key are: both get no
    /// gradient, and are right.
    /// </summary>
    private static bool LooksAtOneToken(string module, LoraWeights gradient)
    {
        string? Other(string own, string other) =>
            module.EndsWith(own, StringComparison.Ordinal) ? module[..^own.Length] + other : null;

        return (Other(".to_q", ".to_k") ?? Other(".to_k", ".to_q")) is { } partner
            && gradient.TryGet(LoraNames.Down(partner), out _) && !Lives(gradient, partner);
    }
}
