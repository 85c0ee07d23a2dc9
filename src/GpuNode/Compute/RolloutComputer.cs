using System.Diagnostics;
using AlignProp.Messages;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.GpuNode.Compute;

/// <summary>Samples and scores: what the methods that learn from their own samples begin with.</summary>
internal sealed class RolloutComputer : ITaskComputer<ShardTask.Rollout>
{
    public ShardOutcome Compute(ShardTask.Rollout task, ShardInput input, Action<string, double> progress,
        CancellationToken cancellation)
    {
        using var noGrad = no_grad();
        var (host, batch, watch) = (input.Host, input.Batch, Stopwatch.StartNew());
        var latents = batch.Chain.Sample(batch.Noise, progress, cancellation)[^1];
        var sampling = watch.Elapsed.TotalSeconds;
        var (rewards, terms) = (new List<float>(), new List<float[]>());
        // One image at a time, as an evaluation does.
        for (var i = 0; i < batch.Prompts.Count; i++)
        {
            using var scope = NewDisposeScope();
            var (reward, parts) = host.Reward.ScoreTerms(host.Model.Codec.Decode(latents.narrow(0, i, 1)), [batch.Prompts[i]]);
            rewards.Add(Scores.Number(reward));
            terms.Add([.. parts.Select(Scores.Number)]);
        }
        return new ShardOutcome([.. rewards], 0, RewardsPayload.Serialize(rewards),
            new PhaseTimes(sampling, watch.Elapsed.TotalSeconds - sampling, 0), Scores.ByTerm(terms));
    }
}
