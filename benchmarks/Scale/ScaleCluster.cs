using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using AlignProp.Coordinator.Runs;

namespace AlignProp.Benchmarks.Scale;

/// <summary>The nodes of a step: their processor seconds and resident memory, in the order they were started.</summary>
internal sealed record NodeFigures(double Cpu, IReadOnlyList<double> ResidentMegabytes);

/// <summary>
/// A coordinator process and real GpuNode processes with simulated devices, from their start to the end of the run.
/// </summary>
internal sealed class ScaleCluster(ScaleOptions options) : IDisposable
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(20);

    private readonly List<Process> _nodes = [];
    private Process? _coordinator;

    /// <param name="joined">Called with the coordinator's address before the nodes start.</param>
    /// <param name="onStep">Called after every committed step.</param>
    /// <exception cref="InvalidOperationException">The run failed.</exception>
    public async Task RunAsync(Action<string> joined, Action<StepFigures, NodeFigures> onStep)
    {
        _coordinator = Start(NodeProcesses.StartInfo(typeof(ScaleCluster).Assembly.Location, 1,
            ["scale-coordinator", .. options.Arguments]));
        var output = _coordinator.StandardOutput;
        var address = await output.ReadLineAsync() ?? throw new InvalidOperationException("the coordinator did not start");
        joined(address);
        StartNodes(address);
        var cpu = 0.0;
        while (await output.ReadLineAsync() is { } line)
        {
            if (line.StartsWith("end", StringComparison.Ordinal))
            {
                await _coordinator.WaitForExitAsync().WaitAsync(Grace);
                await Task.WhenAll(_nodes.Select(n => n.WaitForExitAsync())).WaitAsync(Grace);
                if (line != "end")
                {
                    throw new InvalidOperationException(line);
                }
                return;
            }
            var total = _nodes.Sum(ProcessFigures.CpuSeconds);
            onStep(JsonSerializer.Deserialize<StepFigures>(line)!,
                new NodeFigures(total - cpu, [.. _nodes.Select(ProcessFigures.ResidentMegabytes)]));
            cpu = total;
        }
        throw new InvalidOperationException($"the coordinator ended with exit code {_coordinator.ExitCode}");
    }

    public void Dispose()
    {
        foreach (var process in _nodes.Append(_coordinator).OfType<Process>())
        {
            if (!process.HasExited)
            {
                process.Kill();
            }
            process.Dispose();
        }
    }

    private void StartNodes(string address)
    {
        for (var n = 0; n < options.Nodes; n++)
        {
            var devices = Enumerable.Range(0, Math.Min(options.PerNode, options.Devices - n * options.PerNode))
                .SelectMany(d => new[] { "--device", $"sim:{d}" });
            var start = NodeProcesses.StartInfo(NodeProcesses.Executable(), 1,
                ["run", "--coordinator", address, "--name", $"node-{n}", .. devices, "--follow", "stdin"]);
            start.Environment["ALIGNPROP_COMPUTE"] = "simulated";
            start.Environment["ALIGNPROP_SIMULATED_DELAY"] = string.Create(CultureInfo.InvariantCulture,
                $"{options.Delay.TotalMilliseconds:F0}ms");
            start.Environment["ALIGNPROP_SIMULATED_COST"] = options.Cost;
            var node = Start(start);
            node.OutputDataReceived += (_, line) => Show(line.Data);
            node.BeginOutputReadLine();
            _nodes.Add(node);
        }
    }

    private static Process Start(ProcessStartInfo start)
    {
        var process = Process.Start(start)!;
        process.ErrorDataReceived += (_, line) => Show(line.Data);
        process.BeginErrorReadLine();
        return process;
    }

    /// <summary>Warnings only: joining and leaving is what nodes do.</summary>
    private static void Show(string? line)
    {
        if (line is not null && !line.Contains(" INF ", StringComparison.Ordinal))
        {
            Console.Error.WriteLine(line);
        }
    }
}
