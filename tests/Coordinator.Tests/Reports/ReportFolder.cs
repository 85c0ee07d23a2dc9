using AlignProp.Coordinator.Runs;
using AlignProp.Coordinator.Storage;
using AlignProp.Messages.Configuration;
using AlignProp.Reports;
using SkiaSharp;

namespace AlignProp.Coordinator.Tests.Reports;

/// <summary>A temporary run folder and made-up events for it.</summary>
internal sealed class ReportFolder : IDisposable
{
    private readonly string _runs = Directory.CreateTempSubdirectory("alignprop-reports-").FullName;

    public ReportFolder() => Run = new RunDirectory(Directory.CreateDirectory(Path.Combine(_runs, "made-up-folder")).FullName);

    public RunDirectory Run { get; }

    public RunReporter Reporter(TimeProvider? clock = null) =>
        new(Run, RunFile.Load(RunFile.Default, []) with { Name = "Made up" }, new DirectoryAdapterStore(Run.Blobs), clock);

    /// <summary>Another run of the same folder, with an empty run.conf.</summary>
    public RunDirectory Beside(string id)
    {
        var other = new RunDirectory(Directory.CreateDirectory(Path.Combine(_runs, id)).FullName);
        System.IO.File.WriteAllText(other.Config, "");
        return other;
    }

    public string File(params string[] parts) => Path.Combine([Run.Folder, .. parts]);

    public void Dispose() => Directory.Delete(_runs, recursive: true);

    /// <summary>A picture of one colour.</summary>
    public static RgbImage Image(SKColor colour, int size = 32) =>
        new([.. Enumerable.Repeat((byte[])[colour.Red, colour.Green, colour.Blue], size * size).SelectMany(c => c)], size, size);

    /// <summary>The same as PNG.</summary>
    public static byte[] Picture(SKColor colour, int size = 32) => Png.Encode(Image(colour, size));

    public static StepCommitted Step(int step, double loss = 0.5) =>
        new(step, step / 4, 4 + 0.01 * step, 0.3, loss, 1.5, [2, 5], "ab", 1.25);

    public static EvaluationFinished Evaluation(int step, double reward, params EvaluatedSample[] samples) =>
        new(step, step / 4, reward, 0.2, 0.4, samples);

    public static (int Width, int Height) SizeOf(string path)
    {
        using var image = SKBitmap.Decode(path);
        Assert.NotNull(image);
        return (image.Width, image.Height);
    }

    public static SKColor PixelOf(string path, int x, int y)
    {
        using var image = SKBitmap.Decode(path);
        return image.GetPixel(x, y);
    }
}
