using System.Diagnostics;
using AlignProp.Adapters;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.GpuNode.Compute;

/// <summary>
/// Made-up gradients that depend on the shard and the adapter only: the cluster, the protocol and the journal are the real
/// ones. For trying out failures and scale without a model. What making the numbers up takes is part of the shard's time.
/// </summary>
/// <param name="fault">none, or what every shard goes wrong with: nan, shape or throw.</param>
public sealed class SimulatedShardComputer(SimulatedCost cost, string fault = "none") : IShardComputer
{
    public ShardOutcome Compute(Shard shard, RunDescription run, ShardAdapters adapters, Action<string, double> progress,
        CancellationToken cancellation)
    {
        var watch = Stopwatch.StartNew();
        var outcome = MakeUp(shard, adapters);
        var labels = RewardLabels.Of(run.Config, shard.Task is ShardTask.Evaluate);
        outcome = shard.Task.Scores ? outcome with { Terms = [.. labels.SelectMany(_ => outcome.Rewards)] }
            : outcome with { Rewards = [] };
        var rest = cost.Of(run.Config.Sampling.Steps, shard.Task.RecomputedSteps) - watch.Elapsed;
        cancellation.WaitHandle.WaitOne(rest > TimeSpan.Zero ? rest : TimeSpan.Zero);
        cancellation.ThrowIfCancellationRequested();
        progress("simulated", 1);
        return outcome with { Seconds = Phases(watch.Elapsed.TotalSeconds, run.Config.Sampling.Steps, shard.Task) };
    }

    public void Dispose()
    {
    }

    /// <summary>Shares as of a real shard: N steps of sampling, about one's worth of scoring, 3K of backward.</summary>
    private static PhaseTimes Phases(double seconds, int steps, ShardTask task)
    {
        var one = seconds / (steps + 1 + 3 * task.RecomputedSteps);
        return new PhaseTimes(steps * one, one, 3 * task.RecomputedSteps * one);
    }

    private ShardOutcome MakeUp(Shard shard, ShardAdapters adapters)
    {
        var weights = LoraWeights.Deserialize(adapters.Current);
        var rewards = shard.Samples.Select(s => (float)(Seeds.Uniform(s.NoiseSeed) + shard.Step * 0.01)).ToArray();
        if (shard.Task is ShardTask.Evaluate evaluate)
        {
            var features = shard.Samples.Select(s => Unit(new DeterministicRandom(s.NoiseSeed))).ToArray();
            var images = evaluate.Pictures
                ? shard.Samples.Select(s => Enumerable.Repeat((byte)s.NoiseSeed, 8 * 8 * 3).ToArray()).ToArray() : [];
            return new ShardOutcome(rewards, 0, new EvaluationPayload(features, images, 8, 8).Serialize(), default);
        }
        if (shard.Task is ShardTask.Rollout)
        {
            return new ShardOutcome(rewards, 0, RewardsPayload.Serialize(rewards), default);
        }
        switch (fault)
        {
            case "nan":
                return new ShardOutcome(rewards, 0,
                    weights.WithValues(
                    weights.Tensors.Select(t => (t.Name, Enumerable.Repeat(float.NaN, t.Values.Length).ToArray()))).Serialize(),
                    default);
            case "shape":
                return new ShardOutcome(rewards, 0,
                    new LoraWeights(1, 1,
                    [new LoraTensor("other.lora_A.weight", [1, 1], [0]), new LoraTensor("other.lora_B.weight", [1, 1], [0])])
                    .Serialize(), default);
            case "throw":
                throw new InvalidOperationException("simulated: out of memory");
        }
        var random = new DeterministicRandom(Seeds.Derive(shard.Samples[0].NoiseSeed, shard.Task.RecomputedSteps, 0,
            BlobHash.Of(adapters.Current).Value + (shard.Task.OwnSamples ? BlobHash.Of(adapters.Behaviour).Value : "")));
        var gradient = weights.WithValues(weights.Tensors.Select(t => (t.Name, Noise(random, t.Values.Length))));
        return new ShardOutcome(rewards, -rewards.Average(), gradient.Serialize(), default);
    }

    /// <summary>Uniform in [-1, 1), two numbers a draw: hundreds of simulated devices share a machine.</summary>
    private static float[] Noise(DeterministicRandom random, int count)
    {
        var values = new float[count];
        for (var i = 0; i < count; i += 2)
        {
            var bits = random.NextUInt64();
            values[i] = (int)bits * (1f / 2147483648f);
            if (i + 1 < count)
            {
                values[i + 1] = (int)(bits >> 32) * (1f / 2147483648f);
            }
        }
        return values;
    }

    private static float[] Unit(DeterministicRandom random)
    {
        var values = Enumerable.Range(0, 8).Select(_ => random.NextGaussian()).ToArray();
        var norm = Math.Sqrt(values.Sum(v => v * v));
        return values.Select(v => (float)(v / norm)).ToArray();
    }
}
