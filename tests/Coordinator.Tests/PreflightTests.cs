using System.Diagnostics;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Tests;

/// <summary>docker/preflight.sh with stand-ins for every program it asks.</summary>
public sealed class PreflightTests : IDisposable
{
    private static readonly string[] Tools = ["bash", "sed", "grep", "sort", "head", "id", "timeout", "dirname", "cat", "sleep"];

    private readonly string _bin = Directory.CreateTempSubdirectory("alignprop-preflight-").FullName;

    public PreflightTests()
    {
        foreach (var tool in Tools)
        {
            var found = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/bin").Append("/bin")
                .Select(d => Path.Combine(d, tool)).First(File.Exists);
            File.CreateSymbolicLink(Path.Combine(_bin, tool), found);
        }
        foreach (var program in (string[])["docker", "openssl", "git", "getent", "ip"])
        {
            Program(program, "exit 0");
        }
    }

    public void Dispose() => Directory.Delete(_bin, recursive: true);

    [Fact]
    public async Task Where_all_is_there_it_says_so()
    {
        var (code, said) = await RunAsync("docker");
        Assert.True(code == 0, said);
        Assert.Contains("docker answers, names resolve, 10.89.77.0/24 is free", said);
    }

    [Fact]
    public async Task An_engine_that_hangs_is_given_up_soon()
    {
        Program("docker", "[ \"$1\" != info ] || exec sleep 600");
        var (code, said) = await RunAsync("docker", seconds: 2);
        Assert.Equal(1, code);
        Assert.Contains("docker does not answer within 2 s", said);
    }

    [Fact]
    public async Task Programs_compose_names_and_a_taken_subnet_are_all_named_at_once()
    {
        File.Delete(Path.Combine(_bin, "openssl"));
        Program("docker", "[ \"$1\" = info ]");
        Program("getent", "exit 2");
        Program("ip", "echo '10.89.77.0/24 dev other proto kernel'");
        var (code, said) = await RunAsync("docker");
        Assert.Equal(1, code);
        Assert.Contains("openssl is not installed", said);
        Assert.Contains("docker has no compose", said);
        Assert.Contains("registry cannot be resolved", said);
        Assert.Contains("the subnet 10.89.77.0/24 is taken: 10.89.77.0/24 dev other", said);
    }

    [Fact]
    public async Task The_network_of_an_earlier_try_is_no_obstacle()
    {
        Program("docker", "[ \"$1\" != network ] || echo '\"Subnet\": \"10.89.77.0/24\"'");
        Program("ip", "echo '10.89.77.0/24 dev br-ours'");
        var (code, said) = await RunAsync("docker");
        Assert.True(code == 0, said);
    }

    [Fact]
    public async Task Podman_needs_its_resolver()
    {
        Program("podman", "exit 0");
        Program("podman-compose", "exit 0");
        var (code, said) = await RunAsync("podman");
        Assert.Equal(1, code);
        Assert.Contains("aardvark-dns is not installed", said);
        Program("aardvark-dns", "exit 0");
        Assert.Equal(0, (await RunAsync("podman")).Code);
    }

    private void Program(string name, string script)
    {
        var path = Path.Combine(_bin, name);
        File.Delete(path);
        File.WriteAllText(path, $"#!{Path.Combine(_bin, "bash")}\n{script}\n");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    /// <param name="seconds">How long programs are waited for: long, where none of them hangs, on a loaded machine too.</param>
    private async Task<(int Code, string Said)> RunAsync(string engine, int seconds = 100)
    {
        var script = ProjectFolder.Find("docker/preflight.sh")!;
        var start = new ProcessStartInfo(Path.Combine(_bin, "bash"), [script, engine])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["PATH"] = _bin;
        start.Environment["PREFLIGHT_SECONDS"] = $"{seconds}";
        start.Environment["PREFLIGHT_HELPERS"] = Path.Combine(_bin, "none");
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(180));
        return (process.ExitCode, await output + await error);
    }
}
