using Akka.Configuration;

namespace AlignProp.Messages.Configuration;

/// <summary>
/// A merged configuration -> <see cref="RunConfig"/>: every key by its row of <see cref="RunKeys"/>, then what keys demand of
/// each other.
/// </summary>
internal static class RunReader
{
    /// <exception cref="ConfigException">Names the source, the key, the value and what is allowed.</exception>
    public static RunConfig Read(string source, Config merged)
    {
        var config = new RunConfig();
        foreach (var key in RunKeys.All)
        {
            var value = merged.GetValue($"run.{key.Path}")
                ?? throw new InvalidOperationException(
                    $"hocon/runs/defaults.conf lacks {key.Path}: alignprop reference --defaults writes it");
            key.Property.SetValue(RunKeys.SectionOf(config, key), key.Read(source, key.Path, value));
        }
        Check(source, config);
        return config with { Reward = config.Reward.WithFileApart() };
    }

    private static void Check(string source, RunConfig c)
    {
        var (steps, batch, truncation) = (c.Sampling.Steps, c.Batch, c.Truncation);
        Require(batch.Size % batch.ShardSize == 0, "batch.shard-size", batch.ShardSize,
            $"a divisor of batch.size ({batch.Size})");
        Require(truncation.Strategy != "fixed" || truncation.K <= steps, "truncation.k", truncation.K,
            $"1 to sampling.steps ({steps})");
        Require(c.Lora.Targets.Count > 0, "lora.targets", "[]", "at least one of to_q, to_k, to_v, to_out.0");
        Require(c.Reward.Sign != 0, "reward.sign", 0, "1 or -1");

        void Require(bool condition, string key, object value, string allowed)
        {
            if (!condition)
            {
                throw new ConfigException($"{source}: {key} = {value}: expected {allowed}");
            }
        }
    }
}
