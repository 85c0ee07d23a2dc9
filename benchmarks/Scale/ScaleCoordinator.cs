using System.Diagnostics;
using System.Text.Json;
using AlignProp.Coordinator.Runs;
using AlignProp.Coordinator.Storage;
using AlignProp.GpuNode.Compute;

namespace AlignProp.Benchmarks.Scale;

/// <summary>One step as the coordinator's process saw it.</summary>
/// <param name="Seconds">From the commit before to this one.</param>
/// <param name="Ideal">The same with shards leased in order and everything but computing for nothing.</param>
/// <param name="Finish">From the last result that counted to the commit: AdamW, hashing, disk, journal.</param>
/// <param name="Cpu">Processor seconds of the coordinator.</param>
/// <param name="Disturbances">Devices lost, silent, cut off or benched so far.</param>
internal sealed record StepFigures(int Step, double Seconds, double Ideal, double Finish, double Cpu, double ResidentMegabytes,
    double PeakMegabytes, double HeapMegabytes,
    long LoopbackBytes, int Disturbances, string Adapter, long AdapterBytes);

/// <summary>
/// The coordinator in a process of its own, so that processor and memory are its own; tells its parent a line a step.
/// </summary>
internal static class ScaleCoordinator
{
    public static async Task<int> RunAsync(string[] arguments)
    {
        var options = ScaleOptions.Parse(arguments, "1")[0];
        var folder = Directory.CreateTempSubdirectory("alignprop-scale-").FullName;
        try
        {
            var model = Path.Combine(folder, "model");
            ModelHeader.Write(model);
            var directory = new RunDirectory(Path.Combine(folder, "run"));
            await using var host = await CoordinatorHost.StartAsync(options.Config(model), "", ["a cat", "a dog", "a fox"],
                ["an owl"], directory, new CoordinatorOptions(), new Reporter(options, directory));
            Console.WriteLine(host.Address);
            var end = await host.Finished;
            Console.WriteLine(end is RunStopped ? "end" : $"end {end}");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
        return 0;
    }

    private sealed class Reporter(ScaleOptions options, RunDirectory directory) : IProgress<RunProgress>
    {
        private readonly Process _process = Process.GetCurrentProcess();
        private readonly SimulatedCost _cost = SimulatedCost.Of(options.Delay, options.Cost);
        private long _committed = Stopwatch.GetTimestamp();
        private long _result;
        private double _cpu;
        private long _bytes;
        private int _disturbances;

        public void Report(RunProgress value)
        {
            switch (value)
            {
                case ShardTimed { Evaluation: false }:
                    _result = Stopwatch.GetTimestamp();
                    break;
                case DeviceChanged { State: not NodeState.Left }:
                case NodeChanged { State: NodeState.Refused }:
                    _disturbances++;
                    Console.Error.WriteLine(value);
                    break;
                case StepCommitted committed:
                    OnCommitted(committed);
                    break;
            }
        }

        private void OnCommitted(StepCommitted step)
        {
            var (now, cpu, bytes) = (Stopwatch.GetTimestamp(), ProcessFigures.CpuSeconds(_process),
                ProcessFigures.LoopbackBytes());
            Console.WriteLine(
                JsonSerializer.Serialize(new StepFigures(step.Step, Stopwatch.GetElapsedTime(_committed, now).TotalSeconds,
                IdealSchedule.Seconds(step.Truncations.Select(k => _cost.Of(ScaleOptions.SamplingSteps, k).TotalSeconds),
                    options.Devices),
                Stopwatch.GetElapsedTime(_result, now).TotalSeconds, cpu - _cpu, _process.WorkingSet64 / 1e6,
                    _process.PeakWorkingSet64 / 1e6,
                GC.GetTotalMemory(forceFullCollection: false) / 1e6, bytes - _bytes, _disturbances, step.AdapterSha256,
                new FileInfo(Path.Combine(directory.Blobs, $"{step.AdapterSha256}.safetensors")).Length)));
            (_committed, _cpu, _bytes) = (now, cpu, bytes);
        }
    }
}
