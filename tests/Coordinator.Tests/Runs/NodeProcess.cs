using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using AlignProp.Coordinator.Runs;

namespace AlignProp.Coordinator.Tests.Runs;

/// <summary>A real GpuNode process with made-up gradients, and what it said.</summary>
internal sealed partial class NodeProcess : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(180);

    private readonly Process _process;
    private readonly ConcurrentQueue<string> _lines = new();

    /// <param name="delay">Of one shard.</param>
    /// <param name="fault">none, nan, shape or throw.</param>
    /// <param name="devices">cpu, or cpu*3 for three workers in the process.</param>
    public NodeProcess(string coordinator, string name, string delay = "20ms", string fault = "none", string devices = "cpu")
    {
        var start = NodeProcesses.StartInfo(NodeProcesses.Executable(), 1,
            ["run", "--coordinator", coordinator, "--name", name, "--devices", devices]);
        start.Environment["ALIGNPROP_COMPUTE"] = "simulated";
        start.Environment["ALIGNPROP_SIMULATED_DELAY"] = delay;
        start.Environment["ALIGNPROP_SIMULATED_FAULT"] = fault;
        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, line) => Add(line.Data);
        _process.ErrorDataReceived += (_, line) => Add(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public IReadOnlyList<string> Lines => [.. _lines];

    /// <summary>Every shard it began, in order.</summary>
    public IReadOnlyList<Began> Shards => [.. Lines.Select(l => Computes().Match(l)).Where(m => m.Success)
        .Select(m => new Began(m.Groups[1].Value == "evaluation", Number(m.Groups[2]), Number(m.Groups[3])))];

    /// <summary>Its devices that began a shard of this step.</summary>
    public int DevicesAt(int step) => Lines.Select(l => Computes().Match(l))
        .Where(m => m.Success && m.Groups[1].Value == "step" && Number(m.Groups[2]) == step)
        .Select(m => m.Groups["device"].Value).Distinct().Count();

    public Task UntilAsync(Func<NodeProcess, bool> condition) =>
        Wait.UntilAsync(() => condition(this), () => string.Join('\n', Lines));

    public void Terminate()
    {
        using var kill = Process.Start("kill", ["-TERM", $"{_process.Id}"]);
        kill.WaitForExit();
    }

    public async Task<int> ExitAsync()
    {
        await _process.WaitForExitAsync().WaitAsync(Patience);
        return _process.ExitCode;
    }

    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            Kill();
        }
        _process.Dispose();
    }

    [GeneratedRegex(@"(?<device>\S+) computes (step|evaluation) (\d+) shard (\d+)")]
    private static partial Regex Computes();

    private static int Number(Group group) => int.Parse(group.Value, CultureInfo.InvariantCulture);

    private void Add(string? line)
    {
        if (line is not null)
        {
            _lines.Enqueue(line);
        }
    }

    public sealed record Began(bool Evaluation, int Step, int Index);
}
