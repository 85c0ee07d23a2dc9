using AlignProp.Coordinator.Runs;
using AlignProp.Reports;
using SkiaSharp;

namespace AlignProp.Coordinator.Tests.Reports;

public sealed class EvaluationImagesTests
{
    private static readonly EvaluatedSample Cat = new("a cat", true, 1, 4, ReportFolder.Image(SKColors.Red, 8));

    [Fact]
    public void A_long_run_keeps_the_first_the_last_and_an_even_choice_between()
    {
        using var folder = new ReportFolder();
        for (var step = 0; step <= 400; step += 10)
        {
            EvaluationImages.Save(folder.Run, step, SamplePicture.Of(ReportFolder.Evaluation(step, 4, Cat)));
        }
        var kept = EvaluationImages.Sets(folder.Run).Select(s => s.Step).ToList();
        Assert.Equal(32, kept.Count);
        Assert.Equal((0, 400), (kept[0], kept[^1]));
        Assert.All(kept.Zip(kept.Skip(1)), pair => Assert.InRange(pair.Item2 - pair.Item1, 10, 30));
    }
}
