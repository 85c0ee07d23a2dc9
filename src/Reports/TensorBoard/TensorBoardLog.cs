using System.Globalization;
using AlignProp.Coordinator.Runs;
using AlignProp.Coordinator.Storage;
using Google.Protobuf;

namespace AlignProp.Reports.TensorBoard;

/// <summary>
/// Scalars and pictures of a run as event files, <c>tensorboard --logdir runs/ID/tensorboard</c>. Every sitting writes a file of
/// its own; what metrics.jsonl knew when it began is not told again.
/// </summary>
/// <param name="reward">Name of the reward: evaluations are told per reward.</param>
public sealed class TensorBoardLog(RunDirectory directory, string reward, TimeProvider? clock = null) : IProgress<RunProgress>
{
    private const int MaxPictures = 16;

    private readonly TimeProvider _clock = clock ?? TimeProvider.System;
    private readonly HashSet<(string Kind, int Step)> _told =
        [.. MetricsLog.Read(directory.Metrics).Select(l => (l.Kind, l.Step))];
    private string? _file;

    public void Report(RunProgress value)
    {
        switch (value)
        {
            case StepCommitted step when _told.Add((MetricsLine.StepKind, step.Step)):
                Write(step.Step, Scalar("reward/mean", step.RewardMean), Scalar("reward/std", step.RewardStd),
                    Scalar("loss", step.Loss), Scalar("gradient/norm", step.GradNorm),
                    Scalar("truncation/mean K", step.Truncations.Count == 0 ? 0 : step.Truncations.Average()),
                        Scalar("seconds/step", step.Seconds));
                break;
            case EvaluationFinished evaluation when _told.Add((MetricsLine.EvaluationKind, evaluation.Step)):
                Write(evaluation.Step,
                    [Scalar($"held-out/{reward}/mean", evaluation.RewardMean),
                    Scalar($"held-out/{reward}/std", evaluation.RewardStd), Scalar("held-out/diversity", evaluation.Diversity),
                    .. evaluation.Samples.Take(MaxPictures)
                        .Select((sample, i) => Picture($"evaluation/{i:D2} {sample.Prompt}", sample.Image))]);
                break;
        }
    }

    /// <exception cref="IOException">The disk is full.</exception>
    private void Write(int step, params IReadOnlyList<Summary.Types.Value> values)
    {
        var file = _file ??= Begin();
        Append(file, new Event { WallTime = Now(), Step = step, Summary = new Summary { Value = { values } } });
    }

    private string Begin()
    {
        Directory.CreateDirectory(directory.TensorBoard);
        var begun = _clock.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0;
        var file = Path.Combine(directory.TensorBoard,
            string.Create(CultureInfo.InvariantCulture,
            $"events.out.tfevents.{begun:F3}.{Environment.MachineName}.{Environment.ProcessId}"));
        Append(file, new Event { WallTime = Now(), FileVersion = "brain.Event:2" });
        return file;
    }

    private double Now() => _clock.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0;

    private static void Append(string file, Event e)
    {
        using var stream = new FileStream(file, FileMode.Append, FileAccess.Write, FileShare.Read);
        stream.Write(TfRecord.Frame(e.ToByteArray()));
    }

    private static Summary.Types.Value Scalar(string tag, double value) => new() { Tag = tag, SimpleValue = (float)value };

    private static Summary.Types.Value Picture(string tag, RgbImage image) => new()
    {
        Tag = tag,
        Image = new Summary.Types.Image
        {
            Width = image.Width,
            Height = image.Height,
            Colorspace = 3,
            EncodedImageString = ByteString.CopyFrom(Png.Encode(image))
        },
    };
}
