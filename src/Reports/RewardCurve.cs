using AlignProp.Adapters;
using ScottPlot;

namespace AlignProp.Reports;

/// <summary>Reward against optimizer step: training batches as a line, held-out prompts as points with their spread.</summary>
public static class RewardCurve
{
    /// <summary>Writes a PNG; temporary file, then rename.</summary>
    public static void Write(string path, string title, IReadOnlyList<MetricsLine> lines)
    {
        ReportFont.RegisterForPlots();
        var steps = lines.Where(l => l.Kind == MetricsLine.StepKind && Drawable(l)).ToList();
        var evaluations = lines.Where(l => l.Kind == MetricsLine.EvaluationKind && Drawable(l)).ToList();
        using var plot = new Plot();
        if (steps.Count > 0)
        {
            var training = plot.Add.Scatter(steps.Select(s => (double)s.Step).ToArray(),
                steps.Select(s => s.RewardMean!.Value).ToArray(), Color.FromHex("#8aa4c8"));
            training.LegendText = "training batch";
            training.MarkerSize = 4;
        }
        if (evaluations.Count > 0)
        {
            var (x, y) = (evaluations.Select(e => (double)e.Step).ToArray(),
                evaluations.Select(e => e.RewardMean!.Value).ToArray());
            var held = plot.Add.Scatter(x, y, Color.FromHex("#c2452d"));
            held.LegendText = "held-out prompts (mean ± std)";
            held.MarkerSize = 8;
            held.LineWidth = 2;
            var errors = plot.Add.ErrorBar(x, y, evaluations.Select(e => e.RewardStd!.Value).ToArray());
            errors.Color = Color.FromHex("#c2452d").WithAlpha(.45);
        }
        plot.Title(title);
        plot.XLabel("optimizer step");
        plot.YLabel("reward");
        plot.ShowLegend(Alignment.LowerRight);
        var png = plot.GetImageBytes(1000, 600, ImageFormat.Png);
        DurableFile.Replace(path, stream => stream.Write(png));
    }

    private static bool Drawable(MetricsLine line) => line is { RewardMean: { } mean, RewardStd: { } std }
        && double.IsFinite(mean) && double.IsFinite(std);
}
