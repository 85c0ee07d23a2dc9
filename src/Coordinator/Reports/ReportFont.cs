using SkiaSharp;

namespace AlignProp.Coordinator.Reports;

/// <summary>The embedded DejaVu Sans: SkiaSharp's build without dependencies sees no system fonts on a fresh machine.</summary>
internal static class ReportFont
{
    public const string Name = "DejaVu Sans";

    public static SKTypeface Typeface { get; } = Load();

    private static SKTypeface Load()
    {
        using var stream = typeof(ReportFont).Assembly.GetManifestResourceStream("DejaVuSans.ttf")!;
        return SKTypeface.FromStream(stream);
    }

    /// <summary>ScottPlot wants a file: written once a process, deleted by nobody's mistake with it.</summary>
    public static void RegisterForPlots() => PlotFile.Value.ToString();

    private static readonly Lazy<string> PlotFile = new(() =>
    {
        var path = Path.Combine(Path.GetTempPath(), $"alignprop-font-{Environment.ProcessId}.ttf");
        using (var stream = typeof(ReportFont).Assembly.GetManifestResourceStream("DejaVuSans.ttf")!)
        using (var file = File.Create(path))
        {
            stream.CopyTo(file);
        }
        ScottPlot.Fonts.AddFontFile(Name, path, bold: false, italic: false);
        ScottPlot.Fonts.AddFontFile(Name, path, bold: true, italic: false);
        ScottPlot.Fonts.Default = Name;
        return path;
    });
}
