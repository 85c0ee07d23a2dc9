using AlignProp.Adapters;
using AlignProp.Coordinator.Runs;
using AlignProp.Coordinator.Storage;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.Reports;

/// <summary>
/// Turns a run's events into the files one takes away: metrics.jsonl, reward.png, grid.png, adapter.safetensors,
/// adapter.best.safetensors. What it needs of an earlier session (the pictures before training) it reads back from the run's
/// folder.
/// </summary>
public sealed class RunReporter(RunDirectory directory, RunConfig config, IAdapterStore store, TimeProvider? clock = null)
    : IProgress<RunProgress>
{
    private readonly Lock _lock = new();
    private readonly TimeProvider _clock = clock ?? TimeProvider.System;
    private long _peakMemory;

    public void Report(RunProgress value)
    {
        lock (_lock)
        {
            if (MetricsLine.Of(value) is { } line)
            {
                MetricsLog.Append(directory.Metrics, Measured(line));
            }
            switch (value)
            {
                case ShardTimed { Evaluation: false } shard:
                    _peakMemory = Math.Max(_peakMemory, shard.PeakMemory);
                    break;
                case StepCommitted step:
                    Export(directory.Adapter, step.AdapterSha256);
                    break;
                case EvaluationFinished evaluation:
                    if (evaluation.Best is { } best)
                    {
                        Export(directory.BestAdapter, best.Sha256);
                    }
                    var pictures = SamplePicture.Of(evaluation);
                    EvaluationImages.Save(directory, evaluation.Step, pictures);
                    Pictures(evaluation, pictures);
                    RewardCurve.Write(Path.Combine(directory.Folder, "reward.png"), config.Name,
                        MetricsLog.Read(directory.Metrics));
                    break;
                case RunStopped stopped:
                    Export(directory.Adapter, stopped.AdapterSha256, prove: true);
                    break;
            }
        }
    }

    /// <summary>With what the run's events do not say of themselves.</summary>
    private MetricsLine Measured(MetricsLine line)
    {
        var timed = line with { Time = _clock.GetUtcNow() };
        if (line.Kind != MetricsLine.StepKind)
        {
            return timed;
        }
        var memory = _peakMemory;
        _peakMemory = 0;
        return timed with
        {
            LearningRate = config.Optimizer.LearningRate,
            Samples = config.Batch.Size,
            PeakMemory = memory > 0 ? memory : null,
        };
    }

    /// <summary>The adapter as other tools load it.</summary>
    /// <exception cref="InvalidDataException">What was written is another adapter when it is read back.</exception>
    private void Export(string file, string hash, bool prove = false)
    {
        var weights = LoraWeights.Deserialize(store.Get(new BlobHash(hash)));
        DiffusersLoraFormat.Write(file, weights);
        try
        {
            if (prove)
            {
                ExportProof.Require(file, weights);
            }
        }
        catch (LoraFormatException e)
        {
            throw new InvalidDataException(e.Message, e);
        }
    }

    private void Pictures(EvaluationFinished evaluation, IReadOnlyList<SamplePicture> pictures)
    {
        var (before, after) = (Path.Combine(directory.Folder, "pictures", "before"),
            Path.Combine(directory.Folder, "pictures", "after"));
        if (evaluation.Step == 0)
        {
            PictureSet.Save(before, pictures);
            return;
        }
        PictureSet.Save(after, pictures);
        var first = PictureSet.Load(before);
        if (first.Count == 0)
        {
            return;
        }
        var start = MetricsLog.Read(directory.Metrics).FirstOrDefault(l => l is { Kind: MetricsLine.EvaluationKind, Step: 0 });
        // A pair is one prompt from one seed, in whatever order an evaluation tells them.
        var befores = first.DistinctBy(b => (b.Prompt, b.Seed)).ToDictionary(b => (b.Prompt, b.Seed));
        var pairs = pictures.Where(a => befores.ContainsKey((a.Prompt, a.Seed)))
            .Select(a => (Before: befores[(a.Prompt, a.Seed)], After: a))
            .Select(p => new GridPair(p.After.Prompt, p.After.HeldOut, p.Before.Reward, p.After.Reward, p.Before.Png,
                p.After.Png)).ToList();
        var subtitle =
            $"left before, right after step {evaluation.Step}, same seed; held-out reward {start?.RewardMean:F3} -> "
            + $"{evaluation.RewardMean:F3}";
        ImageGrid.Write(Path.Combine(directory.Folder, "grid.png"), config.Name, subtitle, pairs);
    }
}
