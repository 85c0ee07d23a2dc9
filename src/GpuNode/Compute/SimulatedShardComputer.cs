using AlignProp.Adapters;
using AlignProp.Messages;

namespace AlignProp.GpuNode.Compute;

/// <summary>
/// Made-up gradients that depend on the shard and the adapter only: the cluster, the protocol and the journal are the real
/// ones. For trying out failures and scale without a model.
/// </summary>
/// <param name="fault">none, or what every shard goes wrong with: nan, shape or throw.</param>
public sealed class SimulatedShardComputer(TimeSpan delay, string fault = "none") : IShardComputer
{
    public ShardOutcome Compute(Shard shard, ShardSettings settings, ReadOnlyMemory<byte> adapter, Action<string, double> progress, CancellationToken cancellation)
    {
        cancellation.WaitHandle.WaitOne(delay);
        cancellation.ThrowIfCancellationRequested();
        progress("simulated", 1);
        var weights = LoraWeights.Deserialize(adapter);
        var rewards = shard.Samples.Select(s => (float)(Seeds.Uniform(s.NoiseSeed) + shard.Step * 0.01)).ToArray();
        if (shard.Evaluation)
        {
            var features = shard.Samples.Select(s => Unit(new DeterministicRandom(s.NoiseSeed))).ToArray();
            var images = shard.WantImages ? shard.Samples.Select(s => Enumerable.Repeat((byte)s.NoiseSeed, 8 * 8 * 3).ToArray()).ToArray() : [];
            return new ShardOutcome(rewards, 0, new EvaluationPayload(features, images, 8, 8).Serialize(), 0, 0, 0);
        }
        switch (fault)
        {
            case "nan":
                return new ShardOutcome(rewards, 0, weights.WithValues(weights.Tensors.Select(t => (t.Name, Enumerable.Repeat(float.NaN, t.Values.Length).ToArray()))).Serialize(), 0, 0, 0);
            case "shape":
                return new ShardOutcome(rewards, 0, new LoraWeights(1, 1, [new LoraTensor("other.lora_A.weight", [1, 1], [0]), new LoraTensor("other.lora_B.weight", [1, 1], [0])]).Serialize(), 0, 0, 0);
            case "throw":
                throw new InvalidOperationException("simulated: out of memory");
        }
        var random = new DeterministicRandom(Seeds.Derive(shard.Samples[0].NoiseSeed, shard.Truncation, 0, weights.Sha256));
        var gradient = weights.WithValues(weights.Tensors.Select(t => (t.Name, t.Values.Select(_ => (float)random.NextGaussian()).ToArray())));
        return new ShardOutcome(rewards, -rewards.Average(), gradient.Serialize(), 0, 0, 0);
    }

    public void Dispose()
    {
    }

    private static float[] Unit(DeterministicRandom random)
    {
        var values = Enumerable.Range(0, 8).Select(_ => random.NextGaussian()).ToArray();
        var norm = Math.Sqrt(values.Sum(v => v * v));
        return values.Select(v => (float)(v / norm)).ToArray();
    }
}
