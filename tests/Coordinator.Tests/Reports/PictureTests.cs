using AlignProp.Reports;
using SkiaSharp;

namespace AlignProp.Coordinator.Tests.Reports;

public sealed class PictureTests : IDisposable
{
    private readonly ReportFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Grid(params GridPair[] pairs)
    {
        var path = _folder.File("grid.png");
        ImageGrid.Write(path, "A title", "a subtitle", pairs);
        return path;
    }

    private static GridPair Pair(string prompt, bool heldOut = false, int size = 32) =>
        new(prompt, heldOut, 1, 2, ReportFolder.Picture(SKColors.Red, size), ReportFolder.Picture(SKColors.Blue, size));

    [Theory]
    [InlineData(32)]
    [InlineData(64)]
    [InlineData(512)]
    public void Before_is_left_and_after_right_at_128_pixels_or_more(int size)
    {
        var path = Grid(Pair("a cat", size: size));
        using var image = SKBitmap.Decode(path);
        var (red, blue) = (Columns(image, SKColors.Red), Columns(image, SKColors.Blue));
        Assert.True(red.Count >= 128 && blue.Count >= 128, $"{red.Count} and {blue.Count} pixels wide");
        Assert.True(red[^1] < blue[0]);
    }

    [Theory]
    [InlineData(0, 736, 92)]
    [InlineData(1, 736, 326)]
    [InlineData(3, 1090, 326)]
    [InlineData(4, 1444, 326)]
    [InlineData(5, 1444, 560)]
    public void Pairs_fill_rows_of_four(int pairs, int width, int height) =>
        Assert.Equal((width, height), ReportFolder.SizeOf(Grid([.. Enumerable.Repeat(Pair("a cat"), pairs)])));

    [Fact]
    public void A_held_out_prompt_is_marked_however_long_it_is()
    {
        var prompt = string.Join(' ', Enumerable.Repeat("a very long prompt", 10));
        var plain = File.ReadAllBytes(Grid(Pair(prompt)));
        var marked = Grid(Pair(prompt, heldOut: true));
        Assert.NotEqual(plain, File.ReadAllBytes(marked));
        using var image = SKBitmap.Decode(marked);
        Assert.NotEmpty(Columns(image, new SKColor(0x2f, 0x5f, 0xa8)));
    }

    [Fact]
    public void The_curve_is_1000_by_600_and_drawn()
    {
        var lines = new List<MetricsLine>();
        for (var step = 0; step <= 20; step++)
        {
            lines.Add(MetricsLine.Of(ReportFolder.Step(step, step == 3 ? double.NaN : 1))!);
        }
        lines.Add(MetricsLine.Of(ReportFolder.Evaluation(0, 4))!);
        lines.Add(MetricsLine.Of(ReportFolder.Evaluation(20, 4.2))!);
        var path = _folder.File("reward.png");
        RewardCurve.Write(path, "A title", lines);
        Assert.Equal((1000, 600), ReportFolder.SizeOf(path));
        using var image = SKBitmap.Decode(path);
        Assert.NotEmpty(Columns(image, SKColor.Parse("#8aa4c8")));
        Assert.NotEmpty(Columns(image, SKColor.Parse("#c2452d")));
    }

    [Fact]
    public void Nothing_finite_to_draw_is_an_empty_curve()
    {
        var path = _folder.File("reward.png");
        RewardCurve.Write(path, "A title", [new MetricsLine(MetricsLine.StepKind, 1, 0, double.NaN, 1)]);
        Assert.Equal((1000, 600), ReportFolder.SizeOf(path));
    }

    /// <summary>The columns in which a colour occurs.</summary>
    private static List<int> Columns(SKBitmap image, SKColor colour)
    {
        var pixels = image.Pixels;
        return [.. Enumerable.Range(0, image.Width)
            .Where(x => Enumerable.Range(0, image.Height).Any(y => pixels[y * image.Width + x] == colour))];
    }
}
