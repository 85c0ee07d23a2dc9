using System.Diagnostics;

namespace AlignProp.Pretraining.Data;

/// <summary>Renders SVG with librsvg's <c>rsvg-convert</c>: .NET has no renderer of its own.</summary>
public static class SvgRasterizer
{
    /// <summary>Renders an SVG document to fit a square of <paramref name="size"/> pixels.</summary>
    public static async Task<RgbaImage> RenderAsync(string svg, int size, CancellationToken cancellation = default)
    {
        var start = new ProcessStartInfo("rsvg-convert")
        {
            ArgumentList = { "--width", $"{size}", "--height", $"{size}", "--keep-aspect-ratio", "--format", "png" },
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        using var process = Process.Start(start) ?? throw new InvalidOperationException("rsvg-convert does not start.");
        var png = new MemoryStream();
        var reading = process.StandardOutput.BaseStream.CopyToAsync(png, cancellation);
        await process.StandardInput.WriteAsync(svg.AsMemory(), cancellation);
        process.StandardInput.Close();
        await reading;
        await process.WaitForExitAsync(cancellation);
        if (process.ExitCode != 0)
        {
            throw new InvalidDataException($"rsvg-convert ended with {process.ExitCode}.");
        }

        png.Position = 0;
        return RgbaImage.Decode(png);
    }
}
