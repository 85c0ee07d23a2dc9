using AlignProp.Coordinator.Runs;
using AlignProp.Messages;

namespace AlignProp.Cli.Display;

/// <summary>One line for every event of a run that is worth one: for logs and pipes.</summary>
internal sealed class RunLines : IProgress<RunProgress>
{
    public event Action<string>? Line;

    public void Report(RunProgress value)
    {
        if (Of(value) is { } line)
        {
            Line?.Invoke(line);
        }
    }

    private static string? Of(RunProgress value) => value switch
    {
        RunStarted started => started.FromStep == 0 ? null : $"resumed at step {started.FromStep}",
        StepCommitted step =>
            $"step {step.Step,4}  reward {step.RewardMean,8:F3}  loss {step.Loss,8:F3}  |g| {step.GradNorm,7:F3}  K "
            + $"{string.Join(",", step.Truncations)}  {step.Seconds:F1} s  "
            + $"{step.AdapterSha256[..12]}{Terms(step.Terms, step.RewardMean)}",
        EvaluationFinished e =>
            $"evaluation after step {e.Step}: held-out reward {e.RewardMean:F3} ± {e.RewardStd:F3}, diversity "
            + $"{e.Diversity:F3}{Terms(e.Terms, e.RewardMean, spread: true)}",
        RunNotice notice => notice.Text,
        RunSteered steered => steered.Text,
        NodeChanged node => $"{node.Node} {node.State.Text()}: {node.Detail}",
        DeviceChanged device => $"{device.Device} {device.State.Text()}: {device.Detail}",
        _ => null,
    };

    /// <summary>The terms, one after the other; nothing where they would only say the reward again.</summary>
    private static string Terms(IReadOnlyList<RewardScore>? terms, double reward, bool spread = false) =>
        terms is not { Count: > 0 } || (terms.Count == 1 && terms[0].Mean == reward) ? ""
        : $"  ({string.Join(", ", terms.Select(t => $"{t.Label} {t.Mean:F3}{(spread ? $" ± {t.Std:F3}" : "")}"))})";
}
