using System.Diagnostics;
using System.Runtime.InteropServices;

namespace AlignProp.Chaos;

/// <summary>A coordinator or node process on a host, and what it has said, line by line.</summary>
internal sealed partial class Member : IDisposable
{
    private const int Terminate = 15, Kill9 = 9, Stop = 19, Continue = 18;

    private readonly Process _process;
    private readonly StreamWriter _log;
    private readonly List<(DateTime At, string Text)> _lines = [];

    public Member(string name, int host, ProcessStartInfo start, string folder)
    {
        (Name, Host) = (name, host);
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        start.RedirectStandardInput = true;
        start.WorkingDirectory = WorkingFolder.Root;
        start.Environment["OMP_WAIT_POLICY"] = "PASSIVE";
        start.Environment["OMP_NUM_THREADS"] = "1";
        _log = new StreamWriter(Path.Combine(folder, $"{name}.log"), append: true) { AutoFlush = true };
        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, line) => Heard(line.Data);
        _process.ErrorDataReceived += (_, line) => Heard(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public string Name { get; }

    public int Host { get; }

    public bool IsRunning => !_process.HasExited;

    public int ExitCode => _process.ExitCode;

    public IReadOnlyList<(DateTime At, string Text)> Lines
    {
        get
        {
            lock (_lines)
            {
                return [.. _lines];
            }
        }
    }

    public void Kill() => Signal(Kill9);

    public void Hang() => Signal(Stop);

    public void Wake() => Signal(Continue);

    public void Drain() => Signal(Terminate);

    public Task Exited() => _process.WaitForExitAsync();

    public void Dispose()
    {
        if (IsRunning)
        {
            Kill();
            _process.WaitForExit();
        }
        _process.Dispose();
        _log.Dispose();
    }

    private void Signal(int signal)
    {
        if (IsRunning)
        {
            _ = SendSignal(_process.Id, signal);
        }
    }

    private void Heard(string? line)
    {
        if (line is null)
        {
            return;
        }
        lock (_lines)
        {
            _lines.Add((DateTime.UtcNow, line));
            _log.WriteLine($"{DateTime.UtcNow:HH:mm:ss.fff} {line}");
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SendSignal(int process, int signal);
}
