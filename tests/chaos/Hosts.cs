using System.Diagnostics;

namespace AlignProp.Chaos;

/// <summary>Where processes run: on the loopback, or on hosts of their own in network namespaces (hosts.sh), under TLS.</summary>
internal sealed class Hosts : IDisposable
{
    private readonly int _count;
    private readonly Dictionary<string, string> _environment = [];
    private readonly string? _certificates;

    private Hosts(int count, string? certificates) => (_count, _certificates) = (count, certificates);

    private bool Separate => _count > 0;

    public static Hosts Loopback() => new(0, null);

    /// <summary>Hosts 1 to <paramref name="count"/>, and a certificate for each.</summary>
    public static Hosts Up(int count, string folder)
    {
        var hosts = new Hosts(count, Path.Combine(folder, "certificates"));
        hosts._environment["ALIGNPROP_TLS_PASSWORD"] = Guid.NewGuid().ToString("N");
        Script("down", $"{count}", mayFail: true);
        Script("up", $"{count}");
        Shell.Run("bash",
            [Path.Combine(WorkingFolder.Root, "docker", "certificates.sh"), hosts._certificates!,
            .. Enumerable.Range(1, count).Select(i => $"10.77.0.{i}")], hosts._environment);
        return hosts;
    }

    public string AddressOf(int host) => Separate ? $"10.77.0.{host}" : "127.0.0.1";

    /// <summary>A coordinator's address for nodes and peers.</summary>
    public string Coordinator(int host, int port) => $"akka.{(Separate ? "ssl." : "")}tcp://alignprop@{AddressOf(host)}:{port}";

    /// <summary>A command on a host; its signals reach the process itself.</summary>
    public ProcessStartInfo Command(int host, string file, IEnumerable<string> arguments)
    {
        var start = Separate ? new ProcessStartInfo("nsenter", [$"--net=/run/netns/ap-{host}", file, .. arguments])
            : new ProcessStartInfo(file, arguments);
        foreach (var (name, value) in _environment)
        {
            start.Environment[name] = value;
        }
        if (_certificates is not null)
        {
            start.Environment["ALIGNPROP_TLS_PFX"] = Path.Combine(_certificates, $"10.77.0.{host}.pfx");
            start.Environment["ALIGNPROP_TLS_CA"] = Path.Combine(_certificates, "ca.crt");
        }
        return start;
    }

    /// <summary>Loses every frame from and to a host, silently.</summary>
    public static void Silence(int host) => Script("silence", $"{host}");

    public static void Heal() => Script("clear", "");

    public void Dispose()
    {
        if (Separate)
        {
            Script("down", $"{_count}", mayFail: true);
        }
    }

    private static void Script(string verb, string argument, bool mayFail = false) =>
        Shell.Run("bash", [Path.Combine(WorkingFolder.Root, "tests", "chaos", "hosts.sh"), verb, argument],
            new Dictionary<string, string>(), mayFail);
}

/// <summary>Short commands that are waited for.</summary>
internal static class Shell
{
    /// <exception cref="InvalidOperationException">It failed.</exception>
    public static string Run(string file, IEnumerable<string> arguments, IReadOnlyDictionary<string, string> environment,
        bool mayFail = false)
    {
        var start = new ProcessStartInfo(file, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 || mayFail ? output
            : throw new InvalidOperationException($"{file} {string.Join(' ', arguments)}: {error.Result}{output}");
    }
}
