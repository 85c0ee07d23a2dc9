using System.Diagnostics;

namespace AlignProp.Coordinator.Tests.Runs;

/// <summary>A throw-away PostgreSQL server on a free port, where one is installed.</summary>
public sealed class PostgresServer : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("alignprop-postgres-").FullName;
    private readonly int _port = CoordinatorProcess.FreePort();

    public PostgresServer()
    {
        if (Binaries is null || OperatingSystem.IsWindows())
        {
            return;
        }
        // The server refuses to run as root: as root it runs as nobody.
        File.SetUnixFileMode(_folder, (UnixFileMode)0b111_111_111);
        Run("initdb", "-D", Data, "-U", "test", "-A", "trust", "--no-sync", "--no-locale", "-E", "UTF8");
        Start();
    }

    /// <summary>The newest installed server's programs, or null.</summary>
    public static string? Binaries { get; } = (Directory.Exists("/usr/lib/postgresql")
        ? Directory.GetDirectories("/usr/lib/postgresql").OrderDescending().Select(d => Path.Combine(d, "bin")) : [])
        .Concat((Environment.GetEnvironmentVariable("PATH") ?? "").Split(':'))
        .FirstOrDefault(d => File.Exists(Path.Combine(d, "pg_ctl")) && File.Exists(Path.Combine(d, "initdb")));

    public string ConnectionString => $"Host=127.0.0.1;Port={_port};Username=test;Database=postgres;Timeout=5";

    private string Data => Path.Combine(_folder, "data");

    public void Start() => Run("pg_ctl", "-D", Data, "-l", Path.Combine(_folder, "log"), "-w", "-o",
        $"-h 127.0.0.1 -p {_port} -k {_folder} -c fsync=off", "start");

    /// <summary>At once, without a goodbye to anybody.</summary>
    public void Stop() => Run("pg_ctl", "-D", Data, "-m", "immediate", "-w", "stop");

    public void Dispose()
    {
        if (File.Exists(Path.Combine(Data, "postmaster.pid")))
        {
            Stop();
        }
        Directory.Delete(_folder, recursive: true);
    }

    private void Run(string program, params string[] arguments)
    {
        string[] unprivileged = Environment.UserName == "root"
            ? ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] : [];
        string[] command = [.. unprivileged, Path.Combine(Binaries!, program), .. arguments];
        // Nothing redirected: the server inherits what pg_ctl has, and would hold a pipe open.
        using var process = Process.Start(new ProcessStartInfo("sh",
            ["-c", "\"$@\" >/dev/null 2>&1 </dev/null", "sh", .. command])
        { WorkingDirectory = _folder })!;
        if (!process.WaitForExit(TimeSpan.FromSeconds(60)) || process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{string.Join(' ', command)} failed");
        }
    }
}

/// <summary>Skipped, visibly, where no PostgreSQL is installed.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PostgresFactAttribute : FactAttribute
{
    public PostgresFactAttribute() => Skip = PostgresServer.Binaries is null ? "PostgreSQL (pg_ctl and initdb) is not installed"
        : null;
}
