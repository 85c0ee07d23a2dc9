using AlignProp.Adapters;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;
using AlignProp.Models.Hosting;
using AlignProp.Models.Training;

namespace AlignProp.GpuNode.Compute;

/// <summary>Computes one kind of task; one file each, named in <see cref="TorchShardComputer"/>.</summary>
internal interface ITaskComputer<in TTask> where TTask : ShardTask
{
    /// <param name="progress">Phase and fraction of the shard's work, 0 to 1.</param>
    /// <exception cref="OperationCanceledException">Cancelled between two steps of the chain.</exception>
    ShardOutcome Compute(TTask task, ShardInput input, Action<string, double> progress, CancellationToken cancellation);
}

/// <summary>What every task is computed with.</summary>
/// <param name="Host">The model with the adapter on it, and the rewards.</param>
/// <param name="Batch">The shard's samples, ready to be denoised.</param>
/// <param name="Adapter">The adapter's weights, whose form a gradient has.</param>
/// <param name="Behaviour">Those that made the samples, where the task is on own samples; else the same.</param>
internal sealed record ShardInput(ModelHost Host, RunConfig Config, SampleBatch Batch, LoraWeights Adapter,
    LoraWeights Behaviour)
{
    /// <summary>Runs something, such as sampling, with the behaviour's weights on the model.</summary>
    public T AsBehaviour<T>(Func<T> what)
    {
        if (ReferenceEquals(Adapter, Behaviour))
        {
            return what();
        }
        Host.Lora.Load(name => Behaviour[name].Values);
        var result = what();
        Host.Lora.Load(name => Adapter[name].Values);
        return result;
    }
}
