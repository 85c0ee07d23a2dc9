using AlignProp.Adapters;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Runs;

/// <summary>A round whose results are LoRA gradients, added in shard order whatever the order of arrival.</summary>
public sealed class GradientRound(IReadOnlyList<Shard> shards, RoundSetting setting) : RoundWork(shards, setting)
{
    private readonly GradientAverager _averager = new(setting.Adapter, shards.Select(s => s.Samples.Count).ToList());

    public override int Next => _averager.Next;

    public override int Waiting => _averager.Waiting;

    /// <summary>K of each shard.</summary>
    public IReadOnlyList<int> Truncations => Shards.Select(s => s.Task.RecomputedSteps).ToList();

    public LoraWeights MeanGradient() => _averager.Result();

    public override object Read(byte[] payload) => LoraWeights.Deserialize(payload);

    protected override string? Keep(ShardDone done, int samples, object payload)
    {
        _averager.Add(done.Key.Index, samples, (LoraWeights)payload);
        return null;
    }
}
