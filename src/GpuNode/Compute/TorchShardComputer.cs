using AlignProp.Adapters;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;
using AlignProp.Models;
using AlignProp.Models.Alignment;
using AlignProp.Models.Diffusion;
using AlignProp.Models.Lora;
using AlignProp.Models.Rewards;
using AlignProp.Models.Vae;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.GpuNode.Compute;

/// <summary>The real thing: the alignment step of AlignProp.Models on one device. Keeps the last model it loaded.</summary>
public sealed class TorchShardComputer(DeviceName device) : IShardComputer
{
    private readonly Device _device = Libtorch.DeviceOf(device);
    private Loaded? _loaded;

    public ShardOutcome Compute(Shard shard, RunDescription run, ReadOnlyMemory<byte> adapter, Action<string, double> progress, CancellationToken cancellation)
    {
        // Loaded before the scope: the model outlives the shard.
        var loaded = Load(run, progress);
        var config = run.Config;
        using var scope = NewDisposeScope();
        var weights = LoraWeights.Deserialize(adapter);
        loaded.Lora.Load(name => weights[name].Values);
        loaded.Lora.ZeroGradients();
        var prompts = shard.Samples.Select(s => s.Prompt).ToList();
        var (chain, noise) = loaded.Chain(shard, config, _device);
        var outcome = shard.Task is ShardTask.Evaluate evaluate
            ? Evaluate(loaded, evaluate, chain, noise, prompts, progress, cancellation)
            : Train(loaded, shard, config, chain, noise, prompts, weights, progress, cancellation);
        // The GC does not see libtorch's memory: without a nudge small managed wrappers keep it alive.
        GC.Collect(0);
        return outcome;
    }

    public void Dispose() => _loaded?.Dispose();

    private static ShardOutcome Train(Loaded loaded, Shard shard, RunConfig config, DenoisingChain chain, Tensor noise, List<string> prompts,
        LoraWeights weights, Action<string, double> progress, CancellationToken cancellation)
    {
        var n = config.Sampling.Steps;
        // A recomputed step with its backward costs about three steps without gradient.
        var total = n + 3.0 * shard.Task.RecomputedSteps;
        var step = new AlignmentStep(loaded.Model, loaded.Reward).Run(chain, noise, prompts,
            new AlignmentLoss(config.Loss.Kind, config.Loss.Target, config.Loss.Scale), Truncation.LastSteps(n, shard.Task.RecomputedSteps),
            (phase, fraction) => progress(phase, phase == "sample" ? fraction * n / total : (n + fraction * 3 * shard.Task.RecomputedSteps) / total), cancellation);
        var gradient = weights.WithValues(loaded.Lora.Gradients(step.GradientScale));
        return new ShardOutcome(step.Rewards, step.Loss, gradient.Serialize(), step.Seconds, [.. step.Terms.SelectMany(t => t)]);
    }

    private static ShardOutcome Evaluate(Loaded loaded, ShardTask.Evaluate task, DenoisingChain chain, Tensor noise, List<string> prompts,
        Action<string, double> progress, CancellationToken cancellation)
    {
        using var noGrad = no_grad();
        var watch = System.Diagnostics.Stopwatch.StartNew();
        var latents = AlignmentStep.Sample(chain, noise, progress, cancellation)[^1];
        var sampling = watch.Elapsed.TotalSeconds;
        var (rewards, terms, features, images) = (new List<float>(), new List<float[]>(), new List<float[]>(), new List<byte[]>());
        var (height, width) = (0, 0);
        // One image at a time: a decode at 512 x 512 is large, and small models do not mind.
        for (var i = 0; i < prompts.Count; i++)
        {
            using var scope = NewDisposeScope();
            var image = loaded.Model.Decode(latents.narrow(0, i, 1));
            var (reward, parts) = loaded.Reward.ScoreTerms(image, [prompts[i]]);
            rewards.Add(reward.to(ScalarType.Float32).item<float>());
            terms.Add([.. parts.Concat(loaded.EvaluationRewards.Select(r => r.Score(image, [prompts[i]]))).Select(t => t.to(ScalarType.Float32).item<float>())]);
            features.Add(loaded.Reward.Features(image).flatten().cpu().data<float>().ToArray());
            (height, width) = ((int)image.shape[2], (int)image.shape[3]);
            if (task.Pictures)
            {
                images.Add(ImageBytes.Rgb(image));
            }
        }
        var payload = new EvaluationPayload([.. features], [.. images], height, width).Serialize();
        // Term by term, not image by image.
        var byTerm = Enumerable.Range(0, terms[0].Length).SelectMany(t => terms.Select(image => image[t]));
        return new ShardOutcome([.. rewards], 0, payload, new PhaseTimes(sampling, watch.Elapsed.TotalSeconds - sampling, 0), [.. byTerm]);
    }

    private Loaded Load(RunDescription run, Action<string, double> progress)
    {
        if (_loaded is { } loaded && loaded.Run.Equals(run))
        {
            return loaded;
        }
        _loaded?.Dispose();
        _loaded = null;
        progress("load", 0);
        var dtype = DTypeOf(run.Config.Model.Precision);
        // Of this thread: each device's thread has its own, so that devices of a process do not change each other's last bits.
        set_num_threads(run.Config.Model.ThreadsPerShard);
        return _loaded = Loaded.From(run, _device, dtype);
    }

    private ScalarType DTypeOf(string precision) => (precision, _device.type) switch
    {
        ("fp32", _) => ScalarType.Float32,
        ("bf16", DeviceType.CUDA) => ScalarType.BFloat16,
        ("fp16", DeviceType.CUDA) => ScalarType.Float16,
        _ => throw new ModelFileException($"model.precision = {precision} on {_device}: expected fp32 (half precision runs on CUDA only)"),
    };

    /// <summary>A model, its rewards and the LoRA branches on it, loaded for one run's settings.</summary>
    private sealed class Loaded(RunDescription run, StableDiffusion model, IReward reward, IReadOnlyList<IReward> evaluationRewards, LoraInjection lora) : IDisposable
    {
        public RunDescription Run { get; } = run;

        public StableDiffusion Model { get; } = model;

        /// <summary>What is trained on: up is always better.</summary>
        public IReward Reward { get; } = reward;

        public IReadOnlyList<IReward> EvaluationRewards { get; } = evaluationRewards;

        public LoraInjection Lora { get; } = lora;

        public static Loaded From(RunDescription run, Device device, ScalarType dtype)
        {
            var (config, spec) = (run.Config, run.Config.Model);
            var model = StableDiffusion.Load(spec.Path, device, dtype, new SingleFileOptions(spec.Tokenizer, spec.Prediction == "auto" ? "" : spec.Prediction))
                .With(Enum.Parse<DecodeMode>(spec.Decode, ignoreCase: true));
            IReward One(RewardTermConfig t) => RewardRegistry.Load(new RewardSpec(t.Name, t.Path, t.Words, t.Quality), device, dtype);
            var reward = new WeightedReward([.. config.Reward.Sum.Select(t => new WeightedTerm(One(t), t.Weight, t.Mean, t.Std))]);
            return new Loaded(run, model, reward, [.. config.Evaluation.Rewards.Select(One)],
                LoraInjection.Attach(model.UNet, config.Lora.Rank, config.Lora.Alpha, config.Lora.Targets));
        }

        /// <summary>The denoising chain of a shard and its x_T.</summary>
        public (DenoisingChain Chain, Tensor Noise) Chain(Shard shard, RunConfig config, Device device)
        {
            var sampling = config.Sampling;
            var shape = Model.LatentShape(sampling.Height, sampling.Width);
            var noise = SampleNoise.Initial(shard.Samples.Select(s => s.NoiseSeed).ToList(), shape, device);
            var variance = sampling.Eta > 0
                ? SampleNoise.Variance(shard.Samples.Select(s => s.VarianceSeed).ToList(), sampling.Steps, shape, device)
                : null;
            var conditional = Model.EncodePrompts(shard.Samples.Select(s => s.Prompt).ToList(), sampling.Height, sampling.Width);
            var unconditional = Model.EncodeNegative(sampling.NegativePrompt, shard.Samples.Count, sampling.Height, sampling.Width);
            return (new DenoisingChain(Model.UNet, Model.Scheduler, unconditional, conditional, sampling.Steps, sampling.GuidanceScale, sampling.Eta, variance), noise);
        }

        public void Dispose()
        {
            Lora.Dispose();
            Reward.Dispose();
            foreach (var other in EvaluationRewards)
            {
                other.Dispose();
            }
            Model.Dispose();
        }
    }
}
