using AlignProp.Adapters;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Runs;

/// <summary>What a round of shards needs besides them.</summary>
/// <param name="Adapter">What the shards are computed with.</param>
/// <param name="Blob">The same, as nodes fetch it.</param>
/// <param name="Started">When the step's first round began.</param>
/// <param name="Labels">Names of the terms every result carries, if it scores.</param>
/// <param name="Behaviour">The adapter that made the samples, where the tasks are on own samples.</param>
public sealed record RoundSetting(LoraWeights Adapter, BlobRef Blob, LeaseTable Leases, DateTimeOffset Started,
    IReadOnlyList<string> Labels, BlobRef? Behaviour = null);

/// <summary>
/// One round of a step, or an evaluation, in progress: its leases, and what has come back. Its shards have the same kind of task,
/// which decides what a result's payload is.
/// </summary>
public abstract class RoundWork(IReadOnlyList<Shard> shards, RoundSetting setting)
{
    private readonly SortedDictionary<int, ShardDone> _results = [];

    public IReadOnlyList<Shard> Shards => shards;

    public BlobRef Blob => setting.Blob;

    public BlobRef? Behaviour => setting.Behaviour;

    public LeaseTable Leases => setting.Leases;

    public DateTimeOffset Started => setting.Started;

    public int Step => shards[0].Step;

    /// <summary>True when the result belongs to this round: keyed by run, step, round, shard and adapter, not by lease.</summary>
    public bool Wants(ShardKey key) => key.Run == shards[0].Run && key.Step == Step && key.Round == shards[0].Round
        && key.AdapterHash == Blob.Hash
        && key.Index >= 0 && key.Index < shards.Count && !Leases.IsDone(key.Index);

    /// <summary>The first shard that is missing where results are added up in order.</summary>
    public virtual int Next => 0;

    /// <summary>Results that have come and wait for one before them.</summary>
    public virtual int Waiting => 0;

    /// <summary>The round of these shards.</summary>
    public static RoundWork Of(IReadOnlyList<Shard> shards, RoundSetting setting) => shards[0].Task switch
    {
        ShardTask.Evaluate => new EvaluationRound(shards, setting),
        ShardTask.Rollout => new RolloutRound(shards, setting),
        ShardTask.Reparametrized or ShardTask.PolicyGradient or ShardTask.Regression => new GradientRound(shards, setting),
        var task => throw new InvalidOperationException($"{task.GetType().Name}: no round"),
    };

    /// <summary>A payload's bytes as <see cref="Take"/> wants them; heavy, and without state.</summary>
    /// <exception cref="WeightFileException">And its kin: they are no such payload.</exception>
    public abstract object Read(byte[] payload);

    /// <summary>Checks and takes a result; returns why it is refused, or null.</summary>
    /// <param name="payload">What <see cref="Read"/> made of its payload.</param>
    public string? Take(ShardDone done, object payload)
    {
        var samples = shards[done.Key.Index].Samples.Count;
        var scored = shards[done.Key.Index].Task.Scores ? samples : 0;
        if (done.Rewards.Count != scored || !done.Rewards.All(float.IsFinite) || !double.IsFinite(done.Loss))
        {
            return $"expected {scored} finite rewards and a finite loss";
        }
        if ((done.Terms ?? []) is var terms && (terms.Count != scored * setting.Labels.Count || !terms.All(float.IsFinite)))
        {
            return $"expected {scored} finite values of each of {setting.Labels.Count} terms";
        }
        try
        {
            if (Keep(done, samples, payload) is { } refusal)
            {
                return refusal;
            }
        }
        catch (Exception e) when (
            e is WeightFileException or LoraFormatException or LoraShapeException or NonFiniteException or ArgumentException)
        {
            return e.Message;
        }
        _results[done.Key.Index] = done;
        return null;
    }

    /// <summary>Takes a payload; returns why it is refused, or null.</summary>
    protected abstract string? Keep(ShardDone done, int samples, object payload);

    /// <summary>All rewards in sample order; none of a round that does not score.</summary>
    public IReadOnlyList<float> Rewards => _results.Values.SelectMany(r => r.Rewards).ToList();

    /// <summary>The terms of the samples that <paramref name="which"/> names, by their place in the step.</summary>
    public IReadOnlyList<RewardScore> TermsOf(IEnumerable<int> which)
    {
        var chosen = which.ToHashSet();
        return [.. setting.Labels.Select((label, i) =>
        {
            var all = _results.Values.SelectMany(r => r.Terms!.Skip(i * r.Rewards.Count).Take(r.Rewards.Count));
            var (mean, std) = Statistics.MeanAndStd(all.Where((_, sample) => chosen.Contains(sample)).ToList());
            return new RewardScore(label, mean, std);
        })];
    }

    /// <summary>All terms; none of a round that does not score.</summary>
    public IReadOnlyList<RewardScore> Terms => shards[0].Task.Scores ? TermsOf(Enumerable.Range(0, Rewards.Count)) : [];

    /// <summary>Mean of the shards' losses, by sample.</summary>
    public double Loss => _results.Values.Sum(r => r.Loss * SamplesOf(r)) / _results.Values.Sum(SamplesOf);

    private int SamplesOf(ShardDone result) => shards[result.Key.Index].Samples.Count;
}
