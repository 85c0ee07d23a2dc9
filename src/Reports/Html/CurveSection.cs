using System.Globalization;
using System.Text;

namespace AlignProp.Reports.Html;

/// <summary>Rewards, diversity, gradient norm, time a step and the drawn K.</summary>
internal static class CurveSection
{
    private const int Wide = 1080, Narrow = 530, Tall = 340, Low = 230;

    public static string Render(RunRecord run)
    {
        var (steps, evaluations) = (run.Steps, run.Evaluations);
        var text = new StringBuilder();
        Chart(text, "Reward", "wide", SvgChart.Lines("reward against optimizer step", "optimizer step", Wide, Tall, false,
            new ChartLine("training batch", "train", Points(steps, s => s.RewardMean)),
            new ChartLine("held-out prompts, mean ± std", "held",
                [.. evaluations.Where(e => e.RewardMean is not null)
                .Select(e => ((double)e.Step, e.RewardMean!.Value, e.RewardStd))], Markers: true)));
        Chart(text, "Diversity between prompts", "",
            SvgChart.Lines("diversity against optimizer step", "optimizer step", Narrow, Low, false,
            new ChartLine("diversity", "held", Points(evaluations, e => e.Diversity), Markers: true)));
        Chart(text, "Gradient norm before clipping", "",
            SvgChart.Lines("gradient norm against optimizer step", "optimizer step", Narrow, Low, true,
            new ChartLine("gradient norm", "train", Points(steps, s => s.GradNorm))));
        Chart(text, "Seconds a step", "",
            SvgChart.Lines("seconds against optimizer step", "optimizer step", Narrow, Low, true,
            new ChartLine("seconds", "train", Points(steps, s => s.Seconds))));
        Chart(text, "Truncation K of the shards", "",
            SvgChart.Bars("how often each K was drawn", "K: steps that carry gradient", Narrow, Low,
            Truncations(steps, run.Value("sampling.steps"))));
        return text.Length == 0 ? "" : $"<div class=\"charts\">\n{text}</div>\n";
    }

    private static List<(string, int)> Truncations(IReadOnlyList<MetricsLine> steps, string most)
    {
        var counts = steps.SelectMany(s => s.Truncations ?? []).CountBy(k => k).ToDictionary();
        var last = Math.Max(int.TryParse(most, NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : 0,
            counts.Keys.DefaultIfEmpty(0).Max());
        return counts.Count == 0 || last > 200 ? []
            : [.. Enumerable.Range(1, last).Select(k => ($"{k}", counts.GetValueOrDefault(k)))];
    }

    private static List<(double, double, double?)> Points(IReadOnlyList<MetricsLine> lines, Func<MetricsLine, double?> value) =>
        [.. lines.Where(l => value(l) is not null).Select(l => ((double)l.Step, value(l)!.Value, (double?)null))];

    private static void Chart(StringBuilder text, string title, string style, string svg)
    {
        if (svg.Length > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"<figure class=\"chart {style}\"><h3>{title}</h3>{svg}</figure>\n");
        }
    }
}
