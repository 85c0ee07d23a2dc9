using System.Globalization;
using AlignProp.GpuNode;
using AlignProp.Messages.Configuration;

namespace AlignProp.Benchmarks.Scale;

/// <summary>One simulated cluster.</summary>
/// <param name="PerNode">Devices of one GpuNode process.</param>
/// <param name="ShardsPerDevice">Of every step.</param>
/// <param name="Cost">same or truncation, as alignprop.node.simulated-cost.</param>
/// <param name="Steps">Measured ones; one more goes first, in which the nodes join.</param>
internal sealed record ScaleOptions(int Devices, int PerNode, double Megabytes, TimeSpan Delay, int ShardsPerDevice, string Cost,
    int Steps)
{
    /// <summary>N of the made-up model.</summary>
    public const int SamplingSteps = 20;

    // One unit of rank of a LoRA on all attention projections of Stable Diffusion 1.5: 199296 parameters in fp32.
    private const double MegabytesPerRank = 199296 * 4 / 1e6;

    public int Shards => Devices * ShardsPerDevice;

    public int Nodes => (Devices + PerNode - 1) / PerNode;

    public int Rank => Math.Max(1, (int)Math.Round(Megabytes / MegabytesPerRank));

    /// <summary>One for every number in --devices.</summary>
    /// <exception cref="ArgumentException">An option that is not one, or not a number.</exception>
    public static IReadOnlyList<ScaleOptions> Parse(IReadOnlyList<string> arguments, string devices)
    {
        var options = new NodeOptions(arguments);
        return [.. options.Get("devices", devices).Split(',').Select(d => new ScaleOptions(
            int.Parse(d, CultureInfo.InvariantCulture),
            (int)options.Number("per-node", 8),
            options.Number("megabytes", 3.2),
            TimeSpan.FromSeconds(double.Parse(options.Get("delay", "10s").TrimEnd('s'), CultureInfo.InvariantCulture)),
            (int)options.Number("shards-per-device", 4),
            options.Get("cost", "same"),
            (int)options.Number("steps", 3)))];
    }

    /// <summary>What the child process that coordinates is given.</summary>
    public IReadOnlyList<string> Arguments => [.. new (string Name, IFormattable Value)[]
    {
        ("--devices", Devices), ("--per-node", PerNode), ("--megabytes", Megabytes), ("--delay", Delay.TotalSeconds),
            ("--shards-per-device", ShardsPerDevice), ("--steps", Steps),
    }.SelectMany(o => new[] { o.Name, o.Value.ToString(null, CultureInfo.InvariantCulture) }), "--cost", Cost];

    public RunConfig Config(string model) => new()
    {
        Name = "scale",
        Seed = 7,
        Model = new ModelConfig { Path = model },
        Reward = new RewardConfig { Name = "brightness", Path = "" },
        Sampling = new SamplingConfig { Steps = SamplingSteps, GuidanceScale = 3 },
        Lora = new LoraConfig { Rank = Rank, Alpha = Rank },
        Batch = new BatchConfig { Size = Shards, ShardSize = 1, StepsPerEpoch = Steps + 1 },
        Evaluation = new EvaluationConfig { SamplesPerPrompt = 1, GridPrompts = 1 },
        Stopping = new StoppingConfig { MaxEpochs = 1, MinDiversity = 0 },
    };
}
