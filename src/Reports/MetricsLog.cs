using System.Text.Json;
using System.Text.Json.Serialization;
using AlignProp.Coordinator.Runs;
using AlignProp.Messages;

namespace AlignProp.Reports;

/// <summary>One line of metrics.jsonl; the rewards are null only on the line of a stop.</summary>
/// <param name="BestStep">Of an evaluation: after which step the best adapter so far was evaluated.</param>
/// <param name="Rewards">Each term of the reward, and in an evaluation the rewards that are not trained on, by name.</param>
/// <param name="Time">When it was told; null in files of older versions, like the three that follow.</param>
/// <param name="LearningRate">Of a step.</param>
/// <param name="Samples">Pictures of a step.</param>
/// <param name="PeakMemory">Of the node process that had most, bytes, over the shards of a step.</param>
public sealed record MetricsLine(string Kind, int Step, int Epoch, double? RewardMean, double? RewardStd,
    double? Diversity = null, double? Loss = null,
    double? GradNorm = null, IReadOnlyList<int>? Truncations = null, string? Adapter = null, double? Seconds = null,
    string? Reason = null, IReadOnlyDictionary<string, TermLine>? Rewards = null, int? BestStep = null,
    DateTimeOffset? Time = null, double? LearningRate = null, int? Samples = null, long? PeakMemory = null)
{
    public const string StepKind = "step";
    public const string EvaluationKind = "evaluation";
    public const string StopKind = "stop";

    /// <summary>The line of an event, or null when it is not a metric.</summary>
    public static MetricsLine? Of(RunProgress progress) => progress switch
    {
        StepCommitted s => new MetricsLine(StepKind, s.Step, s.Epoch, s.RewardMean, s.RewardStd, null, s.Loss, s.GradNorm,
            s.Truncations, s.AdapterSha256, s.Seconds, Rewards: TermLine.Of(s.Terms)),
        EvaluationFinished e => new MetricsLine(EvaluationKind, e.Step, e.Epoch, e.RewardMean, e.RewardStd, e.Diversity,
            Rewards: TermLine.Of(e.Terms), BestStep: e.Best?.Step),
        RunStopped s => new MetricsLine(StopKind, s.Step, 0, null, null, Adapter: s.AdapterSha256, Reason: s.Reason),
        _ => null,
    };
}

/// <summary>One reward as it counts itself, before weight and normalisation.</summary>
public sealed record TermLine(double Mean, double Std)
{
    public static IReadOnlyDictionary<string, TermLine>? Of(IReadOnlyList<RewardScore>? terms) =>
        terms is { Count: > 0 } ? terms.ToDictionary(t => t.Label, t => new TermLine(t.Mean, t.Std)) : null;
}

/// <summary>Append-only JSON lines, one a step, one an evaluation and one a stop.</summary>
public static class MetricsLog
{
    // A loss that is no number is told as "NaN", so that a diverging run still has its log.
    internal static JsonSerializerOptions Options { get; } = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    /// <summary>The line of the file, without its end.</summary>
    public static string Text(MetricsLine line) => JsonSerializer.Serialize(line, Options);

    /// <summary>Null for what is no line: torn by a crash, or altered.</summary>
    public static MetricsLine? Parse(string text)
    {
        try
        {
            return JsonSerializer.Deserialize<MetricsLine>(text, Options);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    public static void Append(string path, MetricsLine line)
    {
        // A crash may have torn the last line: the next one starts on its own.
        var torn = File.Exists(path) && new FileInfo(path).Length > 0 && LastByte(path) != '\n';
        File.AppendAllText(path, (torn ? "\n" : "") + Text(line) + "\n");
    }

    /// <summary>All whole lines; of a step that is told twice (a crash between commit and report) the last counts.</summary>
    public static IReadOnlyList<MetricsLine> Read(string path)
    {
        if (!File.Exists(path))
        {
            return [];
        }
        var lines = new Dictionary<(string, int), MetricsLine>();
        foreach (var text in File.ReadLines(path))
        {
            if (Parse(text) is { } line)
            {
                lines[(line.Kind, line.Step)] = line;
            }
        }
        return [.. lines.Values.OrderBy(l => l.Step)];
    }

    private static int LastByte(string path)
    {
        using var stream = File.OpenRead(path);
        stream.Seek(-1, SeekOrigin.End);
        return stream.ReadByte();
    }
}
