using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.Cli.Sessions;

/// <summary>Which devices this machine offers.</summary>
internal static class LocalDevices
{
    /// <param name="nodes">Asked for; null = one a GPU, or on a CPU as many as the cores carry, at most two.</param>
    public static IReadOnlyList<DeviceName> Pick(int? nodes, int threadsPerShard)
    {
        var gpus = Directory.Exists("/proc/driver/nvidia/gpus") ? Directory.GetDirectories("/proc/driver/nvidia/gpus").Length : 0;
        if (gpus > 0)
        {
            return Enumerable.Range(0, nodes ?? gpus).Select(i => new DeviceName(DeviceKind.Cuda, i % gpus)).ToList();
        }
        // One thread a shard and two processes use two cores better than one process with two threads.
        nodes ??= Math.Clamp(Environment.ProcessorCount / threadsPerShard, 1, 2);
        return Enumerable.Repeat(new DeviceName(DeviceKind.Cpu, 0), nodes.Value).ToList();
    }

    /// <summary>The local nodes of a run, which all of them must be able to compute.</summary>
    /// <exception cref="ConfigException">The run's precision needs CUDA, and this machine has no such device.</exception>
    public static void Require(RunConfig config, int? nodes)
    {
        if (config.Model.Precision != "fp32"
            && Pick(nodes, config.Model.ThreadsPerShard).FirstOrDefault(d => d.Kind != DeviceKind.Cuda) is { } device)
        {
            throw new ConfigException($"model.precision = {config.Model.Precision}: half precision runs on CUDA only, and the "
                + $"local nodes of this run would compute on {device}; expected fp32, or --nodes 0 and nodes with GPUs");
        }
    }
}
