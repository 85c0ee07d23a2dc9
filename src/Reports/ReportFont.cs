using SkiaSharp;

namespace AlignProp.Reports;

/// <summary>The embedded DejaVu Sans: SkiaSharp's build without dependencies sees no system fonts on a fresh machine.</summary>
public static class ReportFont
{
    public const string Name = "DejaVu Sans";

    internal static SKTypeface Typeface { get; } = Load();

    /// <summary>Whether the embedded file is a font that can write.</summary>
    public static bool CanBeRead()
    {
        using var font = new SKFont(Typeface, 12);
        return font.ContainsGlyphs("reward");
    }

    /// <summary>Makes it ScottPlot's font too, whatever the machine has; once a process, no matter how often called.</summary>
    internal static void RegisterForPlots() => _ = Registered.Value;

    private static readonly Lazy<bool> Registered = new(() =>
    {
        ScottPlot.Fonts.FontResolvers.Insert(0, new EmbeddedResolver());
        ScottPlot.Fonts.Default = Name;
        return true;
    });

    /// <summary>One line of text, cut with an ellipsis where it is wider than its room; all in pixels.</summary>
    /// <param name="y">The baseline.</param>
    internal static void Text(SKCanvas canvas, string text, float x, float y, float size, SKColor colour, float room)
    {
        using var font = new SKFont(Typeface, size);
        using var paint = new SKPaint { Color = colour, IsAntialias = true };
        while (text.Length > 4 && font.MeasureText(text) > room)
        {
            text = text[..^2].TrimEnd('…') + "…";
        }
        canvas.DrawText(text, x, y, font, paint);
    }

    private static SKTypeface Load()
    {
        using var stream = typeof(ReportFont).Assembly.GetManifestResourceStream("DejaVuSans.ttf")!;
        return SKTypeface.FromStream(stream);
    }

    /// <summary>ScottPlot owns what it is given, so each call loads a typeface of its own. There is one weight.</summary>
    private sealed class EmbeddedResolver : ScottPlot.IFontResolver
    {
        public SKTypeface? CreateTypeface(string fontName, ScottPlot.FontWeight weight, ScottPlot.FontSlant slant,
            ScottPlot.FontSpacing width) =>
            fontName == Name ? Load() : null;

        public SKTypeface? CreateTypeface(string fontName, bool bold, bool italic) => fontName == Name ? Load() : null;
    }
}
