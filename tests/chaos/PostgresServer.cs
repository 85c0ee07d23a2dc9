namespace AlignProp.Chaos;

/// <summary>A throw-away PostgreSQL server in a folder, on a host.</summary>
internal sealed class PostgresServer : IDisposable
{
    private readonly Hosts _hosts;
    private readonly int _host;
    private readonly int _port;
    private readonly string _data;
    private readonly string _bin;

    private PostgresServer(Hosts hosts, int host, int port, string data, string bin) =>
        (_hosts, _host, _port, _data, _bin) = (hosts, host, port, data, bin);

    public string ConnectionString =>
        $"Host={_hosts.AddressOf(_host)};Port={_port};Database=postgres;Username=test;Timeout=5;Command Timeout=10";

    /// <summary>By its socket in the file system, which every network namespace sees.</summary>
    public string LocalConnectionString => $"Host={_data};Port={_port};Database=postgres;Username=test;SSL Mode=Disable";

    public static PostgresServer Start(Hosts hosts, int host, int port, string folder)
    {
        var bin = Directory.Exists("/usr/lib/postgresql")
            ? Directory.GetDirectories("/usr/lib/postgresql").Order().Select(d => Path.Combine(d, "bin"))
                .LastOrDefault(d => File.Exists(Path.Combine(d, "initdb")))
            : null;
        var server = new PostgresServer(hosts, host, port, Path.Combine(folder, "postgres"),
            bin ?? throw new InvalidOperationException("PostgreSQL is not installed: apt-get install postgresql"));
        Directory.CreateDirectory(server._data);
        Shell.Run("chown", ["nobody", server._data], new Dictionary<string, string>());
        Shell.Run("chmod", ["a+rx", folder], new Dictionary<string, string>());
        server.AsNobody("initdb", ["-D", server._data, "-U", "test", "-A", "trust", "--no-locale", "-E", "UTF8"]);
        File.AppendAllText(Path.Combine(server._data, "pg_hba.conf"), "host all all 10.77.0.0/24 trust\n");
        server.Begin();
        return server;
    }

    public void Begin() => AsNobody("pg_ctl",
        ["-w", "-D", _data, "-l", Path.Combine(_data, "server.log"), "-o", $"-h {_hosts.AddressOf(_host)} -p {_port} -k {_data}",
        "start"]);

    /// <summary>Without a goodbye, as a power cut would.</summary>
    public void Stop() => AsNobody("pg_ctl", ["-D", _data, "-m", "immediate", "stop"], mayFail: true);

    public void Dispose() => Stop();

    private void AsNobody(string command, IEnumerable<string> arguments, bool mayFail = false)
    {
        // Not RedirectStandardOutput: the server would inherit the pipe and it would never end.
        var start = _hosts.Command(_host, "setpriv",
            ["--reuid=nobody", "--regid=nogroup", "--clear-groups", Path.Combine(_bin, command), .. arguments]);
        start.WorkingDirectory = "/";
        start.ArgumentList.Insert(0, "exec \"$@\" >/dev/null 2>&1 </dev/null");
        start.ArgumentList.Insert(0, "-c");
        start.ArgumentList.Insert(2, "sh");
        start.ArgumentList.Insert(3, start.FileName);
        start.FileName = "sh";
        using var process = System.Diagnostics.Process.Start(start)!;
        process.WaitForExit();
        if (process.ExitCode != 0 && !mayFail)
        {
            throw new InvalidOperationException($"{command} failed with exit code {process.ExitCode}");
        }
    }
}
