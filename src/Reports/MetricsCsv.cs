using System.Globalization;
using System.Text;

namespace AlignProp.Reports;

/// <summary>
/// metrics.jsonl as a table for spreadsheets (RFC 4180): a line a step, evaluation and stop, two columns a reward that has a
/// name.
/// </summary>
public static class MetricsCsv
{
    private static readonly (string Name, Func<MetricsLine, object?> Value)[] Columns =
    [
        ("kind", l => l.Kind), ("step", l => l.Step), ("epoch", l => l.Epoch),
        ("time", l => l.Time?.UtcDateTime.ToString("O", CultureInfo.InvariantCulture)),
        ("reward_mean", l => l.RewardMean), ("reward_std", l => l.RewardStd), ("diversity", l => l.Diversity),
        ("loss", l => l.Loss), ("grad_norm", l => l.GradNorm), ("learning_rate", l => l.LearningRate), ("samples", l =>
            l.Samples),
        ("seconds", l => l.Seconds), ("peak_memory_bytes", l => l.PeakMemory),
        ("truncations", l => l.Truncations is { } k ? string.Join(' ', k) : null), ("adapter_sha256", l => l.Adapter),
        ("reason", l => l.Reason),
    ];

    public static string Render(IReadOnlyList<MetricsLine> lines)
    {
        var rewards = lines.SelectMany(l => l.Rewards?.Keys ?? []).Distinct().ToList();
        var text = new StringBuilder();
        Row(text, [.. Columns.Select(c => c.Name), .. rewards.SelectMany(r => (string[])[$"{r}_mean", $"{r}_std"])]);
        foreach (var line in lines)
        {
            Row(text, [.. Columns.Select(c => Cell(c.Value(line))), .. rewards.SelectMany(r =>
                line.Rewards?.GetValueOrDefault(r) is { } term ? (string[])[Cell(term.Mean), Cell(term.Std)] : ["", ""])]);
        }
        return text.ToString();
    }

    private static string Cell(object? value) => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";

    private static void Row(StringBuilder text, IReadOnlyList<string> cells) => text.AppendJoin(',', cells.Select(c =>
        c.AsSpan().IndexOfAny(",\"\r\n") < 0 ? c : $"\"{c.Replace("\"", "\"\"", StringComparison.Ordinal)}\"")).Append("\r\n");
}
