using System.Globalization;
using AlignProp.Cli.Commands;
using AlignProp.Coordinator.Runs;
using AlignProp.Coordinator.Storage;
using AlignProp.Web.Control;
using AlignProp.Web.Status;

namespace AlignProp.Coordinator.Tests;

/// <summary>What a container's health check is told.</summary>
public sealed class HealthTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("alignprop-health-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_coordinator_that_answers_is_healthy_and_ready_when_it_leads()
    {
        var directory = Run("one");
        var monitor = new RunMonitor(directory, "test");
        await using var server = await ControlServer.StartAsync(new HttpSettings("127.0.0.1", "127.0.0.1", 0, null, null),
            monitor, () => null);
        await File.WriteAllTextAsync(directory.Url, server.Url);
        // Another run's coordinator was killed here before, and left its file behind.
        var dead = Run("dead");
        await File.WriteAllTextAsync(dead.Url, "http://127.0.0.1:1");
        File.SetLastWriteTimeUtc(dead.Url, DateTime.UnixEpoch);

        Assert.Equal((0, $"{server.Url}: starting", ""), await AskAsync());
        Assert.Equal((1, "", $"{server.Url}: starting"), await AskAsync("--ready"));
        monitor.Report(new RunNotice("PostgreSQL does not answer", NoticeKind.JournalAway));
        Assert.Equal((0, $"{server.Url}: the journal cannot be reached", ""), await AskAsync());
        Assert.Equal(1, (await AskAsync("--ready")).Code);

        monitor.Report(new RunStarted("one", 0, 1, 3, 2, 100));
        monitor.Report(new RunNotice("no device: waiting for nodes", NoticeKind.NoDevice));
        Assert.Equal((1, "", $"{server.Url}: no device: waiting for nodes"), await AskAsync("--ready"));
        Assert.Equal(("waiting", null), (monitor.Status().State, monitor.Status().SecondsLeft));
        monitor.Report(NodeEvents.Heard("node-1/cpu:0", null));
        Assert.Equal((0, $"{server.Url}: leading", ""), await AskAsync("--ready"));
        Assert.Equal("running", monitor.Status().State);

        var standby = Run("two");
        await using var other = await ControlServer.StartAsync(new HttpSettings("127.0.0.1", "127.0.0.1", 0, null, null),
            new RunMonitor(standby, "test", standby: true), () => null);
        await File.WriteAllTextAsync(standby.Url, other.Url);
        Assert.Equal((0, $"{other.Url}: standing by", ""), await AskAsync("--ready", "--run", "two"));
        Assert.Equal((0, $"{other.Url}: standing by", ""), await AskAsync("--ready", "--url", $"{other.Url}/"));
    }

    [Fact]
    public async Task Where_none_runs_the_exit_code_is_one_and_the_reason_one_line()
    {
        Assert.Equal((1, "", $"{_folder}: no coordinator with HTTP runs here"), await AskAsync());
        var directory = Run("gone");
        Assert.Equal((1, "", $"{Path.Combine(_folder, "gone")}: no coordinator with HTTP runs here"),
            await AskAsync("--run", "gone"));
        await File.WriteAllTextAsync(directory.Url, "http://127.0.0.1:1");
        var (code, output, error) = await AskAsync();
        Assert.Equal((1, ""), (code, output));
        Assert.StartsWith("http://127.0.0.1:1: ", error, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error);
        Assert.Equal(2, (await AskAsync("--run", "never")).Code);
        Assert.Equal((2, "", "alignprop: --url node-1: expected a URL, e.g. http://127.0.0.1:8081"),
            await AskAsync("--url", "node-1"));
    }

    private RunDirectory Run(string id)
    {
        var directory = new RunDirectory(Directory.CreateDirectory(Path.Combine(_folder, id)).FullName);
        File.WriteAllText(directory.Config, "");
        return directory;
    }

    private async Task<(int Code, string Output, string Error)> AskAsync(params string[] options)
    {
        using var output = new StringWriter(CultureInfo.InvariantCulture);
        using var error = new StringWriter(CultureInfo.InvariantCulture);
        var code = await AlignPropCommand.InvokeAsync(["health", "--runs", _folder, .. options], output, error,
            interactive: false, CancellationToken.None);
        return (code, output.ToString().Trim(), error.ToString().Trim());
    }
}
