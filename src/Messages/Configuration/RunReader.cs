using System.Globalization;
using Akka.Configuration;

namespace AlignProp.Messages.Configuration;

/// <summary>A merged configuration -> <see cref="RunConfig"/>, every value checked.</summary>
internal sealed class RunReader(string source, Config config)
{
    private readonly RewardTermReader _terms = new(source, config);

    public RunConfig Read()
    {
        var steps = Int("sampling.steps", 1, 1000);
        var size = Int("batch.size", 1, 65536);
        var shardSize = Int("batch.shard-size", 1, size);
        Require(size % shardSize == 0, "batch.shard-size", $"{shardSize}", $"a divisor of batch.size ({size})");
        var strategy = OneOf("truncation.strategy", "uniform", "fixed", "gaussian", "full");
        var k = Int("truncation.k", 1, 1000);
        Require(strategy != "fixed" || k <= steps, "truncation.k", $"{k}", $"1 to sampling.steps ({steps})");
        var targets = List("lora.targets");
        Require(targets.Count > 0, "lora.targets", "[]", "at least one of to_q, to_k, to_v, to_out.0");
        var sign = Int("reward.sign", -1, 1);
        Require(sign != 0, "reward.sign", "0", "1 or -1");
        return new RunConfig
        {
            Name = Name(),
            Seed = (ulong)Long("seed", 0, long.MaxValue),
            Model = new ModelConfig(PathOf("model.path"), OneOf("model.precision", "fp32", "bf16", "fp16"), Int("model.threads-per-shard", 1, 256))
            {
                Tokenizer = PathOf("model.tokenizer"),
                Prediction = OneOf("model.prediction", "auto", "epsilon", "v_prediction"),
                Decode = OneOf("model.decode", "auto", "plain", "checkpointed", "tiled"),
            },
            Reward = RewardTermReader.Named(new RewardConfig(Text("reward.name"), PathOf("reward.path"), sign)
            {
                Words = List("reward.words"),
                Quality = Int("reward.quality", 1, 100),
                Terms = _terms.Read("reward.terms"),
            }),
            Prompts = new PromptsConfig(PathOf("prompts.training"), PathOf("prompts.held-out")),
            Sampling = new SamplingConfig(steps, Number("sampling.guidance-scale", 1, 100), Number("sampling.eta", 0, 1),
                Int("sampling.height", 0, 8192), Int("sampling.width", 0, 8192), Text("sampling.negative-prompt")),
            Truncation = new TruncationConfig(strategy, k, Number("truncation.mean", 0, 1000), Number("truncation.std", 0, 1000)),
            Loss = new LossConfig(OneOf("loss.kind", "negative-reward", "distance"), Number("loss.target", -1e9, 1e9), Number("loss.scale", 1e-12, 1e12)),
            Lora = new LoraConfig(Int("lora.rank", 1, 1024), Number("lora.alpha", 1e-6, 1e6), targets, PathOf("lora.init"), Sha256("lora.init-sha256")),
            Optimizer = new OptimizerConfig(Number("optimizer.learning-rate", 0, 1), Number("optimizer.beta1", 0, 0.999999), Number("optimizer.beta2", 0, 0.999999999),
                Number("optimizer.weight-decay", 0, 1), Number("optimizer.epsilon", 1e-16, 1), Number("optimizer.max-grad-norm", 0, 1e9)),
            Batch = new BatchConfig(size, shardSize, Int("batch.steps-per-epoch", 0, 1_000_000)),
            Evaluation = new EvaluationConfig(Int("evaluation.samples-per-prompt", 1, 64), Int("evaluation.grid-prompts", 0, 64), Int("evaluation.every-epochs", 1, 1_000_000))
            {
                Rewards = _terms.Read("evaluation.rewards"),
            },
            Stopping = new StoppingConfig(Int("stopping.max-epochs", 1, 1_000_000), Int("stopping.plateau-epochs", 0, 1_000_000), Number("stopping.plateau-delta", 0, 1e9),
                Text("stopping.target-reward") == "off" ? null : Number("stopping.target-reward", -1e9, 1e9), Number("stopping.min-diversity", 0, 1)),
        };
    }

    private string Name()
    {
        var name = Text("name");
        Require(name.Length is > 0 and <= 64 && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.'), "name", name, "1 to 64 letters, digits, '-', '_' or '.'");
        return name;
    }

    private string PathOf(string key) => ProjectFolder.Resolve(Text(key));

    private string Sha256(string key)
    {
        var text = Text(key);
        Require(text.Length == 0 || (text.Length == 64 && text.All(char.IsAsciiHexDigitLower)), key, text, "64 hexadecimal digits, or \"\"");
        return text;
    }

    private string Text(string key)
    {
        var value = config.GetString($"run.{key}");
        return value ?? throw Wrong(key, "an object", "a text");
    }

    private IReadOnlyList<string> List(string key)
    {
        var value = config.GetValue($"run.{key}");
        return RunKeys.IsEmptyList(value) ? [] : value.IsArray() ? [.. value.GetStringList()] : throw Wrong(key, value.ToString(), "a list, e.g. [to_q, to_v]");
    }

    private long Long(string key, long min, long max)
    {
        var text = Text(key);
        return long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value >= min && value <= max
            ? value
            : throw Wrong(key, text, max == long.MaxValue ? $"a whole number, {min} or more" : $"a whole number, {min} to {max}");
    }

    private int Int(string key, int min, int max) => (int)Long(key, min, max);

    private double Number(string key, double min, double max)
    {
        var text = Text(key);
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value >= min && value <= max
            ? value
            : throw Wrong(key, text, $"a number, {min} to {max}");
    }

    private string OneOf(string key, params string[] allowed)
    {
        var text = Text(key);
        return allowed.Contains(text) ? text : throw Wrong(key, text, $"one of {string.Join(", ", allowed)}");
    }

    private void Require(bool condition, string key, string value, string allowed)
    {
        if (!condition)
        {
            throw Wrong(key, value, allowed);
        }
    }

    private ConfigException Wrong(string key, string value, string allowed) => new($"{source}: {key} = {value}: expected {allowed}");
}
