using AlignProp.Adapters;
using AlignProp.Coordinator.Runs;
using AlignProp.Coordinator.Storage;
using AlignProp.Messages.Configuration;
using AlignProp.Reports;
using SkiaSharp;

namespace AlignProp.Coordinator.Tests.Reports;

public sealed class RunReporterTests : IDisposable
{
    private static readonly EvaluatedSample CatBefore = new("a cat", false, 1, 4.0, ReportFolder.Image(SKColors.Red));
    private static readonly EvaluatedSample OwlBefore = new("an owl", true, ulong.MaxValue, 4.2,
        ReportFolder.Image(SKColors.Lime));
    private static readonly EvaluatedSample CatAfter = new("a cat", false, 1, 5.0, ReportFolder.Image(SKColors.Blue));
    private static readonly EvaluatedSample OwlAfter = new("an owl", true, ulong.MaxValue, 5.2,
        ReportFolder.Image(SKColors.Magenta));

    // The middle of the first pair's two pictures.
    private const int Left = 108, Right = 274, Row = 172;

    private readonly ReportFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_first_evaluation_is_kept_and_a_later_session_draws_against_it()
    {
        _folder.Reporter().Report(ReportFolder.Evaluation(0, 4.2, CatBefore, OwlBefore));
        Assert.False(File.Exists(_folder.File("grid.png")));
        Assert.Equal(Png.Encode(CatBefore.Image), File.ReadAllBytes(_folder.File("pictures", "before", "000.png")));
        MetricsLog.Append(_folder.Run.Metrics, MetricsLine.Of(ReportFolder.Step(1))!);

        var resumed = _folder.Reporter();
        resumed.Report(new RunStarted("r", 1, 4, 8, 2, 10));
        resumed.Report(ReportFolder.Evaluation(2, 5.2, CatAfter, OwlAfter));

        Assert.Equal(Png.Encode(OwlAfter.Image), File.ReadAllBytes(_folder.File("pictures", "after", "001.png")));
        Assert.Equal(Png.Encode(OwlBefore.Image), File.ReadAllBytes(_folder.File("pictures", "before", "001.png")));
        Assert.Equal((SKColors.Red, SKColors.Blue), Pair());
        Assert.Equal((1000, 600), ReportFolder.SizeOf(_folder.File("reward.png")));
        Assert.Equal([(MetricsLine.EvaluationKind, 0), (MetricsLine.StepKind, 1), (MetricsLine.EvaluationKind, 2)],
            MetricsLog.Read(_folder.Run.Metrics).Select(l => (l.Kind, l.Step)));
        Assert.Empty(Directory.GetFiles(_folder.Run.Folder, "*.tmp", SearchOption.AllDirectories));
    }

    [Fact]
    public void Pairs_go_by_prompt_and_seed_not_by_order()
    {
        var reporter = _folder.Reporter();
        reporter.Report(ReportFolder.Evaluation(0, 4.2, OwlBefore, CatBefore));
        reporter.Report(ReportFolder.Evaluation(2, 5.2, CatAfter, OwlAfter));
        Assert.Equal((SKColors.Red, SKColors.Blue), Pair());
    }

    [Fact]
    public void A_line_has_time_rate_pictures_and_memory_of_its_own_step()
    {
        var reporter = _folder.Reporter(new FixedTime());
        ShardTimed Timed(int step, int shard, long memory, bool evaluation = false) =>
            new(step, shard, evaluation, default, memory);
        reporter.Report(Timed(0, 0, 900, evaluation: true));
        reporter.Report(Timed(1, 0, 300));
        reporter.Report(Timed(1, 1, 700));
        var config = RunFile.Load(RunFile.Default, []);
        Commit(reporter, 1);
        Commit(reporter, 2);
        var lines = MetricsLog.Read(_folder.Run.Metrics);
        Assert.All(lines, l => Assert.Equal((DateTimeOffset.UnixEpoch, config.Optimizer.LearningRate, config.Batch.Size),
            (l.Time, l.LearningRate, l.Samples)));
        Assert.Equal([700, null], lines.Select(l => l.PeakMemory));
    }

    private void Commit(RunReporter reporter, int step)
    {
        var site = new AdapterSite("unet", "mid_block.attentions.0.transformer_blocks.0.attn1.to_q", [8, 8]);
        var bytes = LoraInitializer.Gaussian([site], 2, 1).Serialize();
        reporter.Report(ReportFolder.Step(step) with
        {
            AdapterSha256 = new DirectoryAdapterStore(_folder.Run.Blobs).Put(bytes).Hash.Value,
        });
    }

    private sealed class FixedTime : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch;
    }

    [Fact]
    public void Every_later_evaluation_rewrites_the_grid()
    {
        var reporter = _folder.Reporter();
        reporter.Report(ReportFolder.Evaluation(0, 4.2, CatBefore));
        reporter.Report(ReportFolder.Evaluation(2, 5.2, CatAfter));
        reporter.Report(ReportFolder.Evaluation(4, 5.3, CatAfter with { Image = ReportFolder.Image(SKColors.Black) }));
        Assert.Equal((SKColors.Red, SKColors.Black), Pair());
    }

    private (SKColor Before, SKColor After) Pair() =>
        (ReportFolder.PixelOf(_folder.File("grid.png"), Left, Row), ReportFolder.PixelOf(_folder.File("grid.png"), Right, Row));
}
