using AlignProp.Adapters;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;
using AlignProp.Models.Hosting;
using AlignProp.Models.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.GpuNode.Compute;

/// <summary>The real thing: the alignment step of AlignProp.Models on one device. Keeps the last model it loaded.</summary>
public sealed class TorchShardComputer(DeviceName device) : IShardComputer
{
    private readonly Device _device = Libtorch.DeviceOf(device);
    private (RunDescription Run, ModelHost Host)? _loaded;

    public ShardOutcome Compute(Shard shard, RunDescription run, ReadOnlyMemory<byte> adapter, Action<string, double> progress,
        CancellationToken cancellation)
    {
        // Loaded before the scope: the model outlives the shard.
        var host = Load(run, progress);
        using var scope = NewDisposeScope();
        var weights = LoraWeights.Deserialize(adapter);
        host.Lora.Load(name => weights[name].Values);
        host.Lora.ZeroGradients();
        var batch = new SampleBatch(host.Model, run.Config.Sampling, shard.Samples);
        var outcome = shard.Task switch
        {
            ShardTask.Evaluate task => Evaluate(host, batch, task, progress, cancellation),
            ShardTask.Reparametrized task => Train(host, batch, task, run.Config, weights, progress, cancellation),
            _ => throw new InvalidOperationException($"{shard.Task.GetType().Name} is no task of this node"),
        };
        // The GC does not see libtorch's memory: without a nudge small managed wrappers keep it alive.
        GC.Collect(0);
        return outcome;
    }

    public void Dispose() => _loaded?.Host.Dispose();

    private static ShardOutcome Train(ModelHost host, SampleBatch batch, ShardTask.Reparametrized task, RunConfig config,
        LoraWeights weights, Action<string, double> progress, CancellationToken cancellation)
    {
        // A recomputed step with its backward costs about three steps without gradient.
        var (n, backward) = (config.Sampling.Steps, 3.0 * task.RecomputedSteps);
        var step = new AlignmentStep(host.Model, host.Reward).Run(batch.Chain, batch.Noise, batch.Prompts,
            new AlignmentLoss(config.Loss.Kind, config.Loss.Target, config.Loss.Scale), task.Plan,
            batch.Renoise(task.Plan.Renoised), Progress, cancellation);
        var gradient = weights.WithValues(host.Lora.Gradients(step.GradientScale));
        return new ShardOutcome(step.Rewards, step.Loss, gradient.Serialize(), step.Seconds, [.. step.Terms.SelectMany(t => t)]);

        void Progress(string phase, double fraction) =>
            progress(phase, (phase == "sample" ? fraction * n : n + fraction * backward) / (n + backward));
    }

    private static ShardOutcome Evaluate(ModelHost host, SampleBatch batch, ShardTask.Evaluate task,
        Action<string, double> progress, CancellationToken cancellation)
    {
        using var noGrad = no_grad();
        var watch = System.Diagnostics.Stopwatch.StartNew();
        var latents = batch.Chain.Sample(batch.Noise, progress, cancellation)[^1];
        var prompts = batch.Prompts;
        var sampling = watch.Elapsed.TotalSeconds;
        var (rewards, terms) = (new List<float>(), new List<float[]>());
        var (features, images) = (new List<float[]>(), new List<byte[]>());
        var (height, width) = (0, 0);
        // One image at a time: a decode at 512 x 512 is large, and small models do not mind.
        for (var i = 0; i < prompts.Count; i++)
        {
            using var scope = NewDisposeScope();
            var image = host.Model.Codec.Decode(latents.narrow(0, i, 1));
            var (reward, parts) = host.Reward.ScoreTerms(image, [prompts[i]]);
            rewards.Add(reward.to(ScalarType.Float32).item<float>());
            terms.Add([.. parts.Concat(host.Measures.Select(r => r.Score(image, [prompts[i]])))
                .Select(t => t.to(ScalarType.Float32).item<float>())]);
            features.Add(host.Reward.Features(image).flatten().cpu().data<float>().ToArray());
            (height, width) = ((int)image.shape[2], (int)image.shape[3]);
            if (task.Pictures)
            {
                images.Add(ImageBytes.Rgb(image));
            }
        }
        var payload = new EvaluationPayload([.. features], [.. images], height, width).Serialize();
        // Term by term, not image by image.
        var byTerm = Enumerable.Range(0, terms[0].Length).SelectMany(t => terms.Select(image => image[t]));
        var seconds = new PhaseTimes(sampling, watch.Elapsed.TotalSeconds - sampling, 0);
        return new ShardOutcome([.. rewards], 0, payload, seconds, [.. byTerm]);
    }

    private ModelHost Load(RunDescription run, Action<string, double> progress)
    {
        if (_loaded is { } loaded && loaded.Run.Equals(run))
        {
            return loaded.Host;
        }
        _loaded?.Host.Dispose();
        _loaded = null;
        progress("load", 0);
        // Of this thread: each device's thread has its own, so that devices of a process do not change each other's last bits.
        set_num_threads(run.Config.Model.ThreadsPerShard);
        var config = run.Config;
        var host = ModelHost.Load(config.Model, _device, config.Reward.Sum, config.Evaluation.Rewards, config.Lora);
        _loaded = (run, host);
        return host;
    }
}
