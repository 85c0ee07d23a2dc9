using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace AlignProp.Chaos;

/// <summary>The processes of one run: up to two coordinators, nodes, a database; started, asked and ended.</summary>
internal sealed partial class Cluster : IDisposable
{
    private const int FirstNodeHost = 3, DatabaseHost = 6, HostCount = 6, NodeHosts = 3;

    private readonly ChaosPlan _plan;
    private readonly string _folder;
    private readonly int[] _ports;
    private readonly List<Member> _ended = [];
    private int _nodeNumber;

    public Cluster(ChaosPlan plan, string folder)
    {
        (_plan, _folder) = (plan, folder);
        Hosts = plan.Hosts ? Hosts.Up(HostCount, folder) : Hosts.Loopback();
        Database = plan.Hosts ? PostgresServer.Start(Hosts, DatabaseHost, 5432, folder) : null;
        _ports = plan.Hosts ? [4053, 4053] : [FreePort(), 0];
        Coordinators = new Member?[plan.Hosts ? 2 : 1];
    }

    public Hosts Hosts { get; }

    public PostgresServer? Database { get; }

    public Member?[] Coordinators { get; }

    public List<Member> Nodes { get; } = [];

    public string Run { get; private set; } = "";

    /// <summary>The coordinator that last committed or took over.</summary>
    public int Leader => Enumerable.Range(0, Coordinators.Length).Where(i => Coordinators[i]?.IsRunning == true)
        .MaxBy(i => Coordinators[i]!.Lines.LastOrDefault(l => Led().IsMatch(l.Text)).At);

    /// <summary>Everything every coordinator said, those included that are gone.</summary>
    public IEnumerable<(DateTime At, string Text)> Said => Coordinators.OfType<Member>().Concat(_ended).SelectMany(c => c.Lines)
        .OrderBy(l => l.At);

    public int Step => Said.Select(l => StepLine().Match(l.Text)).Where(m => m.Success).Select(m => int.Parse(m.Groups[1].Value))
        .DefaultIfEmpty().Max();

    public bool IsOver => Said.Any(l => l.Text.StartsWith("adapter SHA-256", StringComparison.Ordinal));

    public async Task BeginAsync(IReadOnlyList<string> train)
    {
        Coordinators[0] = Coordinator(0, ["train", .. train]);
        await Until("the run's id", () => Coordinators[0]!.Lines.Any(l => RunLine().IsMatch(l.Text)), TimeSpan.FromSeconds(60));
        Run = Coordinators[0]!.Lines.Select(l => RunLine().Match(l.Text)).First(m => m.Success).Value;
        StandBy(1);
    }

    /// <summary>Starts a coordinator that is gone: it leads again.</summary>
    public void Resume(int i) => Replace(i, ["resume", Run]);

    /// <summary>Starts a coordinator that is gone, to wait for its turn.</summary>
    public void StandBy(int i)
    {
        if (i < Coordinators.Length)
        {
            Replace(i, ["standby", Run]);
        }
    }

    public Member AddNode()
    {
        var number = ++_nodeNumber;
        // The host with the fewest nodes: a cut host takes one of them.
        var host = _plan.Hosts
            ? Enumerable.Range(FirstNodeHost, NodeHosts).MinBy(h => Nodes.Count(n => n.IsRunning && n.Host == h))
            : 0;
        var coordinators = Enumerable.Range(0, Coordinators.Length)
            .SelectMany(i => new[] { "--coordinator", Hosts.Coordinator(i + 1, _ports[i]) });
        var start = Hosts.Command(host, "dotnet",
            [Binary("GpuNode"), "run", .. coordinators, "--name", $"node-{number}", "--device", "cpu:0", "--host",
            Hosts.AddressOf(host)]);
        Simulate(start);
        var node = new Member($"node-{number}", host, start, _folder);
        Nodes.Add(node);
        return node;
    }

    /// <summary>The undisturbed run: one command on the loopback.</summary>
    public static async Task<IReadOnlyList<Commit>> UndisturbedAsync(ChaosPlan plan, IReadOnlyList<string> train, string folder)
    {
        var start = new System.Diagnostics.ProcessStartInfo("dotnet",
            [Binary("Cli"), "train", .. train, "--nodes", "2", "--runs", Path.Combine(folder, "undisturbed")]);
        Simulate(start, plan);
        using var run = new Member("undisturbed", 0, start, folder);
        await run.Exited().WaitAsync(TimeSpan.FromMinutes(30));
        var directory = Directory.GetDirectories(Path.Combine(folder, "undisturbed")).Single();
        return run.ExitCode == 0
            ? JournalReader.Sqlite(Path.Combine(directory, "journal.db"), Path.GetFileName(directory))
            : throw new InvalidOperationException(
                $"the undisturbed run ended with exit code {run.ExitCode}:\n{string.Join('\n', run.Lines.Select(l => l.Text))}");
    }

    public IReadOnlyList<Commit> Commits() => Database is { } database
        ? JournalReader.Postgres(database.LocalConnectionString, Run)
        : JournalReader.Sqlite(Path.Combine(RunsOf(0), Run, "journal.db"), Run);

    /// <exception cref="TimeoutException">It did not come.</exception>
    public static async Task Until(string what, Func<bool> condition, TimeSpan patience)
    {
        var end = DateTime.UtcNow + patience;
        while (!condition())
        {
            if (DateTime.UtcNow > end)
            {
                throw new TimeoutException($"waited {patience.TotalSeconds:F0} s for {what}");
            }
            await Task.Delay(50);
        }
    }

    public void Dispose()
    {
        foreach (var member in Nodes.Concat(Coordinators.OfType<Member>()).Concat(_ended))
        {
            member.Dispose();
        }
        Database?.Dispose();
        Hosts.Dispose();
    }

    private void Replace(int i, string[] verb)
    {
        if (Coordinators[i] is { } old)
        {
            _ended.Add(old);
        }
        Coordinators[i] = Coordinator(i, verb);
    }

    private Member Coordinator(int i, IEnumerable<string> verb)
    {
        var peers = Enumerable.Range(0, Coordinators.Length).Where(p => p != i)
            .SelectMany(p => new[] { "--peer", Hosts.Coordinator(p + 1, _ports[p]) });
        var start = Hosts.Command(i + 1, "dotnet",
            [Binary("Cli"), .. verb, "--nodes", "0", "--runs", RunsOf(i), "--host", Hosts.AddressOf(i + 1), "--port",
            $"{_ports[i]}", .. peers]);
        if (Database is { } database)
        {
            start.Environment["ALIGNPROP_DATABASE"] = database.ConnectionString;
        }
        return new Member($"coordinator-{(char)('A' + i)}", i + 1, start, _folder);
    }

    private void Simulate(System.Diagnostics.ProcessStartInfo start) => Simulate(start, _plan);

    private static void Simulate(System.Diagnostics.ProcessStartInfo start, ChaosPlan plan)
    {
        if (plan.Simulated)
        {
            start.Environment["ALIGNPROP_COMPUTE"] = "simulated";
            start.Environment["ALIGNPROP_SIMULATED_DELAY"] = "400ms";
        }
    }

    private string RunsOf(int i) => Path.Combine(_folder, $"runs-{i}");

    private static string Binary(string project)
    {
        var flavour = Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));
        return Path.Combine(WorkingFolder.Root, "artifacts", "bin", project, flavour, $"AlignProp.{project}.dll");
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    [GeneratedRegex(@"^step +(\d+) ")]
    public static partial Regex StepLine();

    [GeneratedRegex(@"^step +\d+ |^resumed at step|^evaluation after step")]
    private static partial Regex Led();

    [GeneratedRegex(@"^emoji-\S+-\d{8}-\d{6}-\w+$")]
    private static partial Regex RunLine();
}
