using AlignProp.Coordinator.Runs;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Commands;

/// <summary>What a person sees of a run, folded from its events; read by the display while the run writes it.</summary>
internal sealed class RunView : IProgress<RunProgress>
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, string> _nodes = [];
    private readonly Queue<double> _seconds = new();
    private RunStarted? _started;
    private StepCommitted? _step;
    private ShardsChanged? _shards;
    private EvaluationFinished? _first;
    private EvaluationFinished? _last;

    /// <summary>One line for every event worth one, for logs and pipes.</summary>
    public event Action<string>? Line;

    public void Report(RunProgress value)
    {
        string? line;
        lock (_lock)
        {
            line = Fold(value);
        }
        if (line is not null)
        {
            Line?.Invoke(line);
        }
    }

    public (string Key, string Value)[] Rows()
    {
        lock (_lock)
        {
            var started = _started;
            if (started is null)
            {
                return [("state", "starting")];
            }
            var step = _step?.Step ?? started.FromStep;
            return
            [
                ("step", $"{step} of at most {started.MaxSteps}   (epoch {(step + started.StepsPerEpoch - 1) / started.StepsPerEpoch} of {started.MaxSteps / started.StepsPerEpoch})"),
                ("now", _shards is { } s ? $"{(s.Evaluation ? "evaluating" : $"step {s.Step}")}: {Bar(s.Fraction)} {s.Done}/{s.Total} shards" : "waiting for nodes"),
                ("training reward", _step is { } t ? $"{t.RewardMean:F3}   loss {t.Loss:F3}   |g| {t.GradNorm:F3}   K {string.Join(",", t.Truncations)}" : "-"),
                ("held-out reward", _last is { } e ? $"{e.RewardMean:F3} (start {_first!.RewardMean:F3})   diversity {e.Diversity:F2}" : "-"),
                ("nodes", _nodes.Count == 0 ? "starting" : string.Join("   ", _nodes.Select(n => $"{n.Key}: {n.Value}"))),
                ("time left", Left(started, step)),
            ];
        }
    }

    private string Left(RunStarted started, int step) => _seconds.Count == 0
        ? "-"
        : $"{TimeSpan.FromSeconds(_seconds.Average() * (started.MaxSteps - step)):h\\:mm\\:ss} at {_seconds.Average():F1} s a step";

    private string? Fold(RunProgress value)
    {
        switch (value)
        {
            case RunStarted started:
                _started = started;
                return started.FromStep == 0 ? null : $"resumed at step {started.FromStep}";
            case ShardsChanged shards:
                _shards = shards;
                return null;
            case StepCommitted step:
                _step = step;
                _seconds.Enqueue(step.Seconds);
                while (_seconds.Count > 10)
                {
                    _seconds.Dequeue();
                }
                return $"step {step.Step,4}  reward {step.RewardMean,8:F3}  loss {step.Loss,8:F3}  |g| {step.GradNorm,7:F3}  K {string.Join(",", step.Truncations)}  {step.Seconds:F1} s  {step.AdapterSha256[..12]}{Terms(step.Terms, step.RewardMean)}";
            case EvaluationFinished evaluation:
                _first ??= evaluation;
                _last = evaluation;
                return $"evaluation after step {evaluation.Step}: held-out reward {evaluation.RewardMean:F3} ± {evaluation.RewardStd:F3}, diversity {evaluation.Diversity:F3}{Terms(evaluation.Terms, evaluation.RewardMean, spread: true)}";
            case RunNotice notice:
                return notice.Text;
            case RunSteered steered:
                return steered.Text;
            case NodeChanged node:
                _nodes[node.Node] = node.State;
                return $"{node.Node} {node.State}: {node.Detail}";
            default:
                return null;
        }
    }

    /// <summary>The terms, one after the other; nothing where they would only say the reward again.</summary>
    private static string Terms(IReadOnlyList<RewardScore>? terms, double reward, bool spread = false) => terms is not { Count: > 0 } || (terms.Count == 1 && terms[0].Mean == reward) ? ""
        : $"  ({string.Join(", ", terms.Select(t => $"{t.Label} {t.Mean:F3}{(spread ? $" ± {t.Std:F3}" : "")}"))})";

    private static string Bar(double fraction)
    {
        const int Width = 24;
        var full = (int)Math.Round(Math.Clamp(fraction, 0, 1) * Width);
        return new string('━', full) + new string('╌', Width - full);
    }
}
