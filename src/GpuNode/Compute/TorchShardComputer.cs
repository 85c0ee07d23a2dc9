using AlignProp.Adapters;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;
using AlignProp.Models.Hosting;
using AlignProp.Models.Layers;
using AlignProp.Models.Training;
using Serilog;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.GpuNode.Compute;

/// <summary>The real thing: tasks on the models of AlignProp.Models on one device. Keeps the last model it loaded.</summary>
public sealed class TorchShardComputer(DeviceName device) : IShardComputer
{
    private readonly Device _device = Libtorch.DeviceOf(device);
    private (RunDescription Run, ModelHost Host)? _loaded;

    public ShardOutcome Compute(Shard shard, RunDescription run, ShardAdapters adapters, Action<string, double> progress,
        CancellationToken cancellation)
    {
        // Loaded before the scope: the model outlives the shard.
        var host = Load(run, progress);
        using var scope = NewDisposeScope();
        var weights = LoraWeights.Deserialize(adapters.Current);
        host.Lora.Load(name => weights[name].Values);
        host.Lora.ZeroGradients();
        var behaviour = ReferenceEquals(adapters.Current, adapters.Behaviour) ? weights
            : LoraWeights.Deserialize(adapters.Behaviour);
        var input = new ShardInput(host, run.Config, new SampleBatch(host.Model, run.Config.Sampling, shard.Samples), weights,
            behaviour);
        var outcome = shard.Task switch
        {
            ShardTask.Evaluate task => new EvaluateComputer().Compute(task, input, progress, cancellation),
            ShardTask.Reparametrized task => new ReparametrizedComputer().Compute(task, input, progress, cancellation),
            ShardTask.Rollout task => new RolloutComputer().Compute(task, input, progress, cancellation),
            ShardTask.PolicyGradient task => new PolicyGradientComputer().Compute(task, input, progress, cancellation),
            ShardTask.Regression task => new RegressionComputer(shard.Step).Compute(task, input, progress, cancellation),
            var task => throw new InvalidOperationException($"{task.GetType().Name}: this node has no computer for it"),
        };
        // The GC does not see libtorch's memory: without a nudge small managed wrappers keep it alive.
        GC.Collect(0);
        return outcome;
    }

    public void Dispose() => _loaded?.Host.Dispose();

    private ModelHost Load(RunDescription run, Action<string, double> progress)
    {
        if (_loaded is { } loaded && loaded.Run.Equals(run))
        {
            return loaded.Host;
        }
        _loaded?.Host.Dispose();
        _loaded = null;
        progress("load", 0);
        var config = run.Config;
        // Of this thread: each device's thread has its own, so that devices of a process do not change each other's last bits.
        set_num_threads(config.Model.ThreadsPerShard);
        var host = ModelHost.Load(config.Model, _device, config.Reward.Sum, config.Evaluation.Rewards, config.Lora);
        if (!ConvolutionCheck.UsesOneDnn)
        {
            Log.Warning("oneDNN computes convolutions wrongly on this processor: ATen's own are used, which are slower");
        }
        _loaded = (run, host);
        return host;
    }
}
