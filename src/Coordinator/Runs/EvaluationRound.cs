using AlignProp.Adapters;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Runs;

/// <summary>An evaluation: its results are features, and pictures of the first prompts.</summary>
public sealed class EvaluationRound(IReadOnlyList<Shard> shards, RoundSetting setting) : RoundWork(shards, setting)
{
    private readonly SortedDictionary<int, EvaluationPayload> _payloads = [];

    /// <summary>In sample order.</summary>
    public IReadOnlyList<EvaluationPayload> Payloads => [.. _payloads.Values];

    public override object Read(byte[] payload) => EvaluationPayload.Deserialize(payload);

    protected override string? Keep(ShardDone done, int samples, object payload)
    {
        var evaluation = (EvaluationPayload)payload;
        if (evaluation.Features.Length != samples || evaluation.Features.Any(f => !f.All(float.IsFinite)))
        {
            return $"expected finite features of {samples} samples";
        }
        _payloads[done.Key.Index] = evaluation;
        return null;
    }
}
