using AlignProp.Adapters;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Runs;

/// <summary>
/// One step (or evaluation) in progress: its leases, and what has come back. Gradients are added in shard order whatever
/// the order of arrival.
/// </summary>
public sealed class StepWork
{
    private readonly GradientAverager? _averager;
    private readonly SortedDictionary<int, ShardDone> _results = [];
    private readonly SortedDictionary<int, EvaluationPayload> _evaluations = [];
    private readonly LoraWeights _adapter;

    /// <param name="labels">Names of the reward's terms, in an evaluation with those only evaluated.</param>
    public StepWork(IReadOnlyList<Shard> shards, LoraWeights adapter, BlobRef blob, LeaseTable leases, DateTimeOffset started, IReadOnlyList<string>? labels = null)
    {
        (Shards, _adapter, Blob, Leases, Started, Labels) = (shards, adapter, blob, leases, started, labels ?? []);
        _averager = Evaluation ? null : new GradientAverager(adapter, shards.Select(s => s.Samples.Count).ToList());
    }

    public IReadOnlyList<Shard> Shards { get; }

    /// <summary>The adapter the shards are computed with.</summary>
    public BlobRef Blob { get; }

    public LeaseTable Leases { get; }

    public DateTimeOffset Started { get; }

    /// <summary>Names of the terms every result carries.</summary>
    public IReadOnlyList<string> Labels { get; }

    public int Step => Shards[0].Step;

    public bool Evaluation => Shards[0].Evaluation;

    /// <summary>True when the result belongs to this work: keyed by run, step, shard and adapter, not by lease.</summary>
    public bool Wants(ShardKey key) => key.Run == Shards[0].Run && key.Step == Step && key.AdapterHash == Blob.Hash
        && key.Index >= 0 && key.Index < Shards.Count && !Leases.IsDone(key.Index);

    /// <summary>The first shard that is missing in the sum.</summary>
    public int Next => _averager?.Next ?? 0;

    /// <summary>Gradients that have come and wait for one before them.</summary>
    public int Waiting => _averager?.Waiting ?? 0;

    /// <summary>Checks and takes a result; returns why it is refused, or null.</summary>
    /// <param name="payload"><see cref="LoraWeights"/>, or <see cref="EvaluationPayload"/> in an evaluation.</param>
    public string? Take(ShardDone done, object payload)
    {
        var samples = Shards[done.Key.Index].Samples.Count;
        if (done.Rewards.Count != samples || !done.Rewards.All(float.IsFinite) || !double.IsFinite(done.Loss))
        {
            return $"expected {samples} finite rewards and a finite loss";
        }
        if ((done.Terms ?? []) is var terms && (terms.Count != samples * Labels.Count || !terms.All(float.IsFinite)))
        {
            return $"expected {samples} finite values of each of {Labels.Count} terms";
        }
        try
        {
            if (Evaluation)
            {
                var evaluation = (EvaluationPayload)payload;
                if (evaluation.Features.Length != samples || evaluation.Features.Any(f => !f.All(float.IsFinite)))
                {
                    return $"expected finite features of {samples} samples";
                }
                _evaluations[done.Key.Index] = evaluation;
            }
            else
            {
                _averager!.Add(done.Key.Index, samples, (LoraWeights)payload);
            }
        }
        catch (Exception e) when (e is WeightFileException or LoraFormatException or LoraShapeException or NonFiniteException or ArgumentException)
        {
            return e.Message;
        }
        _results[done.Key.Index] = done;
        return null;
    }

    public LoraWeights MeanGradient() => _averager!.Result();

    /// <summary>All rewards in sample order.</summary>
    public IReadOnlyList<float> Rewards => _results.Values.SelectMany(r => r.Rewards).ToList();

    /// <summary>The terms of the samples that <paramref name="which"/> names, by their place in the step.</summary>
    public IReadOnlyList<RewardScore> TermsOf(IEnumerable<int> which)
    {
        var chosen = which.ToHashSet();
        return [.. Labels.Select((label, i) =>
        {
            var all = _results.Values.SelectMany(r => r.Terms!.Skip(i * r.Rewards.Count).Take(r.Rewards.Count));
            var (mean, std) = Statistics.MeanAndStd(all.Where((_, sample) => chosen.Contains(sample)).ToList());
            return new RewardScore(label, mean, std);
        })];
    }

    /// <summary>Mean of the shards' losses, by sample.</summary>
    public double Loss => _results.Values.Sum(r => r.Loss * r.Rewards.Count) / _results.Values.Sum(r => r.Rewards.Count);

    public IReadOnlyList<int> Truncations => Shards.Select(s => s.Truncation).ToList();

    public IReadOnlyList<EvaluationPayload> Evaluations => [.. _evaluations.Values];
}

/// <summary>Small statistics of rewards and features.</summary>
public static class Statistics
{
    public static (double Mean, double Std) MeanAndStd(IReadOnlyCollection<float> values)
    {
        var mean = values.Average(v => (double)v);
        return (mean, Math.Sqrt(values.Average(v => (v - mean) * (v - mean))));
    }

    /// <summary>Mean cosine distance (0..2) between features of different prompts: 0 when every prompt shows the same picture.</summary>
    public static double Diversity(IReadOnlyList<(string Prompt, float[] Features)> samples)
    {
        var (sum, pairs) = (0.0, 0);
        for (var i = 0; i < samples.Count; i++)
        {
            for (var j = 0; j < i; j++)
            {
                if (samples[i].Prompt != samples[j].Prompt)
                {
                    sum += 1 - samples[i].Features.Zip(samples[j].Features, (a, b) => (double)a * b).Sum();
                    pairs++;
                }
            }
        }
        return pairs == 0 ? 0 : sum / pairs;
    }
}
