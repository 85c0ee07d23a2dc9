using AlignProp.Adapters;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;
using AlignProp.Models.Hosting;
using AlignProp.Models.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.GpuNode.Compute;

/// <summary>The real thing: the alignment step of AlignProp.Models on one device. Keeps the last model it loaded.</summary>
/// <param name="device">cpu:N or cuda:N.</param>
public sealed class TorchShardComputer(string device) : IShardComputer
{
    private readonly Device _device = Libtorch.DeviceOf(device);
    private (ShardSettings Settings, ModelHost Host)? _loaded;

    public ShardOutcome Compute(Shard shard, ShardSettings settings, ReadOnlyMemory<byte> adapter, Action<string, double> progress, CancellationToken cancellation)
    {
        // Loaded before the scope: the model outlives the shard.
        var host = Load(settings, progress);
        using var scope = NewDisposeScope();
        var weights = LoraWeights.Deserialize(adapter);
        host.Lora.Load(name => weights[name].Values);
        host.Lora.ZeroGradients();
        var batch = new SampleBatch(host.Model, SamplingOf(settings), shard.Samples);
        var outcome = shard.Evaluation
            ? Evaluate(host, batch, shard.WantImages, progress, cancellation)
            : Train(host, batch, shard, settings, weights, progress, cancellation);
        // The GC does not see libtorch's memory: without a nudge small managed wrappers keep it alive.
        GC.Collect(0);
        return outcome;
    }

    public void Dispose() => _loaded?.Host.Dispose();

    private static ShardOutcome Train(ModelHost host, SampleBatch batch, Shard shard, ShardSettings settings, LoraWeights weights,
        Action<string, double> progress, CancellationToken cancellation)
    {
        var n = settings.Steps;
        var plan = GradientPlan.LastSteps(shard.Truncation, n);
        // A recomputed step with its backward costs about three steps without gradient.
        var total = n + 3.0 * shard.Truncation;
        var step = new AlignmentStep(host.Model, host.Reward).Run(batch.Chain, batch.Noise, batch.Prompts,
            new AlignmentLoss(settings.LossKind, settings.LossTarget, settings.LossScale), plan, batch.Renoise(plan.Renoised),
            (phase, fraction) => progress(phase, phase == "sample" ? fraction * n / total : (n + fraction * 3 * shard.Truncation) / total), cancellation);
        var gradient = weights.WithValues(host.Lora.Gradients(step.GradientScale));
        return new ShardOutcome(step.Rewards, step.Loss, gradient.Serialize(), step.Seconds.Sampling, step.Seconds.Scoring, step.Seconds.Backward,
            [.. step.Terms.SelectMany(t => t)]);
    }

    private static ShardOutcome Evaluate(ModelHost host, SampleBatch batch, bool wantImages, Action<string, double> progress, CancellationToken cancellation)
    {
        using var noGrad = no_grad();
        var watch = System.Diagnostics.Stopwatch.StartNew();
        var latents = batch.Chain.Sample(batch.Noise, progress, cancellation)[^1];
        var prompts = batch.Prompts;
        var sampling = watch.Elapsed.TotalSeconds;
        var (rewards, terms, features, images) = (new List<float>(), new List<float[]>(), new List<float[]>(), new List<byte[]>());
        var (height, width) = (0, 0);
        // One image at a time: a decode at 512 x 512 is large, and small models do not mind.
        for (var i = 0; i < prompts.Count; i++)
        {
            using var scope = NewDisposeScope();
            var image = host.Model.Codec.Decode(latents.narrow(0, i, 1));
            var (reward, parts) = host.Reward.ScoreTerms(image, [prompts[i]]);
            rewards.Add(reward.to(ScalarType.Float32).item<float>());
            terms.Add([.. parts.Concat(host.Measures.Select(r => r.Score(image, [prompts[i]]))).Select(t => t.to(ScalarType.Float32).item<float>())]);
            features.Add(host.Reward.Features(image).flatten().cpu().data<float>().ToArray());
            (height, width) = ((int)image.shape[2], (int)image.shape[3]);
            if (wantImages)
            {
                images.Add(ImageBytes.Rgb(image));
            }
        }
        var payload = new EvaluationPayload([.. features], [.. images], height, width).Serialize();
        // Term by term, not image by image.
        var byTerm = Enumerable.Range(0, terms[0].Length).SelectMany(t => terms.Select(image => image[t]));
        return new ShardOutcome([.. rewards], 0, payload, sampling, watch.Elapsed.TotalSeconds - sampling, 0, [.. byTerm]);
    }

    private ModelHost Load(ShardSettings settings, Action<string, double> progress)
    {
        if (_loaded is { } loaded && loaded.Settings.SameAs(settings))
        {
            return loaded.Host;
        }
        _loaded?.Host.Dispose();
        _loaded = null;
        progress("load", 0);
        // Of this thread: each device's thread has its own, so that devices of a process do not change each other's last bits.
        set_num_threads(settings.Threads);
        var model = new ModelConfig(settings.ModelPath, settings.Precision, settings.Threads)
        {
            Tokenizer = settings.TokenizerPath,
            Prediction = settings.Prediction,
            Decode = settings.Decode,
        };
        var host = ModelHost.Load(model, _device, [.. settings.Rewards.Select(TermOf)], [.. settings.EvaluationRewards.Select(TermOf)],
            new LoraConfig(settings.LoraRank, settings.LoraAlpha, settings.LoraTargets));
        _loaded = (settings, host);
        return host;
    }

    private static RewardTermConfig TermOf(RewardTerm term) => new(term.Name, term.Path)
    {
        Weight = term.Weight,
        Mean = term.Mean,
        Std = term.Std,
        Words = term.Words.Split('\n', StringSplitOptions.RemoveEmptyEntries),
        Quality = term.Quality,
    };

    private static SamplingConfig SamplingOf(ShardSettings settings) =>
        new(settings.Steps, settings.GuidanceScale, settings.Eta, settings.Height, settings.Width, settings.NegativePrompt);
}
