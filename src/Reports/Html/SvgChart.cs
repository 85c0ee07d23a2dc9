using System.Globalization;
using System.Net;
using System.Text;

namespace AlignProp.Reports.Html;

/// <summary>A line of a chart.</summary>
/// <param name="Style">Class of the report's style sheet that colours it: held or train.</param>
/// <param name="Points">Spread: half the length of the error bar, or null.</param>
/// <param name="Markers">Dots at the points.</param>
public sealed record ChartLine(string Name, string Style, IReadOnlyList<(double X, double Y, double? Spread)> Points,
    bool Markers = false);

/// <summary>Small charts as inline SVG, coloured by the page: light or dark, on screen or paper.</summary>
public static class SvgChart
{
    private const int Left = 58, Right = 14, Top = 30, Bottom = 40;

    /// <summary>Lines over a common axis of whole steps.</summary>
    /// <param name="fromZero">The value axis begins at 0: for what cannot be below.</param>
    public static string Lines(string title, string unit, int width, int height, bool fromZero,
        params IReadOnlyList<ChartLine> lines)
    {
        var points = lines.SelectMany(l => l.Points).Where(p => double.IsFinite(p.Y))
            .Select(p => (p.X, p.Y, Spread: p.Spread is { } s && double.IsFinite(s) ? s : 0)).ToList();
        if (points.Count == 0)
        {
            return "";
        }
        var (low, high) = (points.Min(p => p.Y - p.Spread), points.Max(p => p.Y + p.Spread));
        var frame = new Frame(width, height, points.Min(p => p.X), points.Max(p => p.X), fromZero ? Math.Min(0, low) : low, high);
        var svg = Open(title, frame);
        Axes(svg, frame, unit);
        foreach (var line in lines)
        {
            Line(svg, frame, line);
        }
        Legend(svg, frame, [.. lines.Where(l => l.Points.Count > 0)]);
        return svg.Append("</svg>").ToString();
    }

    /// <summary>Counts as bars, one a value.</summary>
    public static string Bars(string title, string axis, int width, int height, IReadOnlyList<(string Label, int Count)> bars)
    {
        if (bars.Count == 0)
        {
            return "";
        }
        var frame = new Frame(width, height, 0, bars.Count, 0, bars.Max(b => b.Count));
        var svg = Open(title, frame);
        Axes(svg, frame, axis, steps: false);
        var each = frame.PlotWidth / bars.Count;
        var every = Math.Max(1, bars.Count / 10);
        for (var i = 0; i < bars.Count; i++)
        {
            var (x, y) = (Left + i * each, frame.Y(bars[i].Count));
            svg.Append(CultureInfo.InvariantCulture,
                $"<rect class=\"train\" stroke=\"none\" x=\"{x + each * .12:F1}\" y=\"{y:F1}\" "
                + $"width=\"{each * .76:F1}\" height=\"{frame.Y(0) - y:F1}\">"
                + $"<title>{WebUtility.HtmlEncode(bars[i].Label)}: {bars[i].Count}</title></rect>");
            if (i % every == 0)
            {
                svg.Append(CultureInfo.InvariantCulture,
                    $"<text x=\"{x + each / 2:F1}\" y=\"{height - Bottom + 16}\" "
                    + $"text-anchor=\"middle\">{WebUtility.HtmlEncode(bars[i].Label)}</text>");
            }
        }
        return svg.Append("</svg>").ToString();
    }

    private static StringBuilder Open(string title, Frame frame) => new StringBuilder()
        .Append(CultureInfo.InvariantCulture,
            $"<svg viewBox=\"0 0 {frame.Width} {frame.Height}\" role=\"img\" aria-label=\"{WebUtility.HtmlEncode(title)}\">");

    private static void Axes(StringBuilder svg, Frame frame, string unit, bool steps = true)
    {
        foreach (var y in Ticks(frame.Low, frame.High, 5))
        {
            svg.Append(CultureInfo.InvariantCulture,
                $"<line class=\"grid\" x1=\"{Left}\" x2=\"{frame.Width - Right}\" y1=\"{frame.Y(y):F1}\" "
                + $"y2=\"{frame.Y(y):F1}\"/><text x=\"{Left - 8}\" y=\"{frame.Y(y) + 4:F1}\" "
                + $"text-anchor=\"end\">{y:0.####}</text>");
        }
        foreach (var x in steps ? Ticks(frame.First, frame.Last, 8).Where(x => x == Math.Floor(x)) : [])
        {
            svg.Append(CultureInfo.InvariantCulture,
                $"<text x=\"{frame.X(x):F1}\" y=\"{frame.Height - Bottom + 16}\" text-anchor=\"middle\">{x:0}</text>");
        }
        svg.Append(CultureInfo.InvariantCulture,
            $"<text x=\"{(frame.Width + Left - Right) / 2}\" y=\"{frame.Height - 6}\" "
            + $"text-anchor=\"middle\">{WebUtility.HtmlEncode(unit)}</text>");
    }

    private static void Line(StringBuilder svg, Frame frame, ChartLine line)
    {
        var points = line.Points.Where(p => double.IsFinite(p.Y)).ToList();
        var path = string.Join(' ',
            points.Select((p, i) =>
            string.Create(CultureInfo.InvariantCulture, $"{(i == 0 ? 'M' : 'L')}{frame.X(p.X):F1},{frame.Y(p.Y):F1}")));
        svg.Append(CultureInfo.InvariantCulture,
            $"<path class=\"{line.Style}\" fill=\"none\" style=\"fill:none\" d=\"{path}\"/>");
        foreach (var (x, y, spread) in points)
        {
            if (spread is { } s && double.IsFinite(s))
            {
                svg.Append(CultureInfo.InvariantCulture,
                    $"<path class=\"{line.Style} spread\" style=\"fill:none\" "
                    + $"d=\"M{frame.X(x):F1},{frame.Y(y - s):F1}V{frame.Y(y + s):F1}\"/>");
            }
            if (line.Markers)
            {
                svg.Append(CultureInfo.InvariantCulture,
                    $"<circle class=\"{line.Style}\" cx=\"{frame.X(x):F1}\" cy=\"{frame.Y(y):F1}\" r=\"3.5\"><title>step {x:0}: "
                    + $"{y:0.###}</title></circle>");
            }
        }
    }

    /// <summary>Above the plot, where no line runs through it.</summary>
    private static void Legend(StringBuilder svg, Frame frame, ChartLine[] lines)
    {
        var x = (double)Left;
        foreach (var line in lines.Length > 1 ? lines : [])
        {
            svg.Append(CultureInfo.InvariantCulture,
                $"<line class=\"{line.Style}\" stroke-width=\"3\" x1=\"{x:F0}\" x2=\"{x + 18:F0}\" y1=\"12\" y2=\"12\"/><text "
                + $"x=\"{x + 24:F0}\" y=\"16\">{WebUtility.HtmlEncode(line.Name)}</text>");
            x += 24 + 7.2 * line.Name.Length + 18;
        }
    }

    /// <summary>Round values between two limits: multiples of 1, 2 or 5 times a power of ten.</summary>
    public static IEnumerable<double> Ticks(double low, double high, int about)
    {
        if (!(high > low))
        {
            return [low];
        }
        var rough = (high - low) / about;
        var power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        var step = power * (rough / power) switch { < 1.5 => 1, < 3.5 => 2, < 7.5 => 5, _ => 10 };
        var first = Math.Ceiling(low / step - 1e-9);
        // Counted, not added up, so that 0 is 0 and 0.3 is 0.3.
        return Enumerable.Range(0, (int)(Math.Floor(high / step + 1e-9) - first) + 1)
            .Select(i => Math.Round((first + i) * step, 10));
    }

    private sealed record Frame(int Width, int Height, double First, double Last, double Low, double High)
    {
        public double PlotWidth => Width - Left - Right;

        public double X(double x) => Left + (Last > First ? (x - First) / (Last - First) : .5) * PlotWidth;

        public double Y(double y) => Top + (High > Low ? (High - y) / (High - Low) : .5) * (Height - Top - Bottom);
    }
}
