using System.Diagnostics;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Runs;

/// <summary>
/// The GpuNode child processes of a local run: started, restarted with back-off when they die, stopped with the run. A
/// child watches its standard input and leaves when it closes, so that none outlives a killed coordinator.
/// </summary>
public sealed class NodeProcesses : IAsyncDisposable
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(20);

    private readonly IReadOnlyList<string> _coordinators;
    private readonly string _host;
    private readonly string _logs;
    private readonly int _threads;
    private readonly Action<string> _notice;
    private readonly CancellationTokenSource _stopping = new();
    private readonly List<(int Number, DeviceName Device, Task Supervisor)> _supervisors = [];
    private readonly List<Process> _running = [];
    private readonly HashSet<int> _refused = [];
    private readonly TaskCompletionSource _allRefused = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private NodeProcesses(IReadOnlyList<string> coordinators, string host, string logs, int threads, Action<string> notice) =>
        (_coordinators, _host, _logs, _threads, _notice) = (coordinators, host, logs, threads, notice);

    /// <summary>Starts one process a device.</summary>
    /// <param name="coordinators">The coordinator's address, and those of its standbys.</param>
    /// <param name="threads">libtorch threads of one shard, from the run file.</param>
    /// <param name="host">Where they listen: all members of a cluster connect to each other.</param>
    /// <exception cref="ConfigException">The GpuNode executable is not where it should be.</exception>
    public static NodeProcesses Start(IReadOnlyList<string> coordinators, IReadOnlyList<DeviceName> devices, int threads,
        string logs, Action<string> notice, string host = "127.0.0.1")
    {
        Directory.CreateDirectory(logs);
        var nodes = new NodeProcesses(coordinators, host, logs, threads, notice);
        var executable = Executable();
        for (var i = 0; i < devices.Count; i++)
        {
            nodes.Begin(executable, i + 1, devices[i]);
        }
        return nodes;
    }

    /// <summary>Ends when every one of them was refused.</summary>
    public Task AllRefused => _allRefused.Task;

    /// <summary>Starts those again that have ended: drained, or refused for a reason that may be gone.</summary>
    public SteerReply StartAgain()
    {
        lock (_supervisors)
        {
            if (_stopping.IsCancellationRequested)
            {
                return new SteerReply(false, "the run is over; nothing to start");
            }
            var ended = _supervisors.Where(s => s.Supervisor.IsCompleted).OrderBy(s => s.Number).ToList();
            _supervisors.RemoveAll(ended.Contains);
            ended.ForEach(s => _refused.Remove(s.Number));
            ended.ForEach(s => Begin(Executable(), s.Number, s.Device));
            return ended.Count > 0
                ? new SteerReply(true, $"starting {string.Join(", ", ended.Select(s => $"node-{s.Number}"))} again")
                : new SteerReply(true, $"all {_supervisors.Count} nodes of this coordinator run already");
        }
    }

    private void Begin(string executable, int number, DeviceName device)
    {
        lock (_supervisors)
        {
            _supervisors.Add((number, device, Task.Run(() => Supervise(executable, number, device))));
        }
    }

    /// <summary>Process ids of the running children, for tests that kill them.</summary>
    public IReadOnlyList<int> ProcessIds
    {
        get
        {
            lock (_running)
            {
                return _running.Where(p => !p.HasExited).Select(p => p.Id).ToList();
            }
        }
    }

    /// <summary>
    /// The built GpuNode: beside the coordinator when published, in the artifacts folder when built from source.
    /// </summary>
    /// <exception cref="ConfigException">Neither exists.</exception>
    public static string Executable()
    {
        var here = AppContext.BaseDirectory;
        var folder = new DirectoryInfo(Path.TrimEndingDirectorySeparator(here)).Name;
        // Tests run from bin/NAME.Tests/FLAVOUR, alignprop from bin/Cli/FLAVOUR: the node is a sibling of both.
        string[] candidates =
        [
            Path.Combine(here, "AlignProp.GpuNode.dll"),
            Path.Combine(here, "..", "..", "GpuNode", folder, "AlignProp.GpuNode.dll"),
        ];
        return candidates.Select(Path.GetFullPath).FirstOrDefault(File.Exists)
            ?? throw new ConfigException(
                $"{Path.GetFullPath(candidates[1])}: the node is not built; run: dotnet build -c Release src/GpuNode");
    }

    /// <summary>The start description every child shares: one sleeping OpenMP thread pool of the run's size.</summary>
    public static ProcessStartInfo StartInfo(string executable, int threads, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo("dotnet", [executable, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // Spinning OpenMP threads slow a busy machine down many times over.
        start.Environment["OMP_WAIT_POLICY"] = "PASSIVE";
        start.Environment["OMP_NUM_THREADS"] = threads.ToString();
        start.Environment["MKL_NUM_THREADS"] = threads.ToString();
        return start;
    }

    public async ValueTask DisposeAsync()
    {
        Task ended;
        lock (_supervisors)
        {
            _stopping.Cancel();
            ended = Task.WhenAll(_supervisors.Select(s => s.Supervisor));
        }
        ForEachRunning(process => process.StandardInput.Close());
        if (await Task.WhenAny(ended, Task.Delay(Grace)) != ended)
        {
            ForEachRunning(process => process.Kill(entireProcessTree: true));
            await ended;
        }
        _stopping.Dispose();
    }

    /// <summary>
    /// A supervisor disposes its process only after taking it off the list, so under the lock it is alive or just exited.
    /// </summary>
    private void ForEachRunning(Action<Process> action)
    {
        lock (_running)
        {
            foreach (var process in _running)
            {
                try
                {
                    action(process);
                }
                catch (Exception e) when (e is IOException or InvalidOperationException)
                {
                    // It has just exited.
                }
            }
        }
    }

    private void Refused(int number)
    {
        lock (_supervisors)
        {
            _refused.Add(number);
            if (_supervisors.All(s => _refused.Contains(s.Number)))
            {
                _allRefused.TrySetResult();
            }
        }
    }

    private async Task Supervise(string executable, int number, DeviceName device)
    {
        var wait = TimeSpan.FromSeconds(1);
        while (!_stopping.IsCancellationRequested)
        {
            var started = Stopwatch.StartNew();
            using var process = Process.Start(StartInfo(executable, _threads,
                ["run", .. _coordinators.SelectMany(c => new[] { "--coordinator", c }), "--name", $"node-{number}",
                    "--device", device.ToString(), "--host", _host, "--follow", "stdin"]))!;
            lock (_running)
            {
                _running.Add(process);
            }
            await using var log = new StreamWriter(Path.Combine(_logs, $"node-{number}.log"), append: true) { AutoFlush = true };
            process.OutputDataReceived += (_, line) => Write(line.Data);
            process.ErrorDataReceived += (_, line) => Write(line.Data);
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
            await process.WaitForExitAsync(CancellationToken.None);
            var code = process.ExitCode;
            lock (_running)
            {
                _running.Remove(process);
            }
            if (_stopping.IsCancellationRequested || code == 0)
            {
                return;
            }
            if (code is 2 or 3)
            {
                // Bad arguments, or refused at the door: starting it again would change nothing.
                _notice($"node-{number} cannot take part (exit code {code}); see {Path.Combine(_logs, $"node-{number}.log")}");
                Refused(number);
                return;
            }
            wait = started.Elapsed > TimeSpan.FromMinutes(1) ? TimeSpan.FromSeconds(1)
                : TimeSpan.FromSeconds(Math.Min(wait.TotalSeconds * 2, 30));
            _notice($"node-{number} ended with exit code {code}; it is started again in {wait.TotalSeconds:F0} s (see "
                + $"{Path.Combine(_logs, $"node-{number}.log")})");
            await Task.Delay(wait, _stopping.Token).ContinueWith(_ => { }, TaskScheduler.Default);

            void Write(string? line)
            {
                if (line is not null)
                {
                    lock (log)
                    {
                        log.WriteLine(line);
                    }
                }
            }
        }
    }
}
