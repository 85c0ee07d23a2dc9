using System.Text.Json;
using AlignProp.Coordinator.Runs;
using AlignProp.Coordinator.Storage;
using AlignProp.Coordinator.Tests.Verbs;
using AlignProp.Web.Control;
using AlignProp.Web.Status;

namespace AlignProp.Coordinator.Tests.Leading;

/// <summary>What is told of a run whose coordinator is gone, was deposed, or cannot be asked.</summary>
public sealed class LastSignTests : IDisposable
{
    private static readonly DateTimeOffset Begun = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly string _runs = Directory.CreateTempSubdirectory("alignprop-sign-").FullName;
    private readonly Clock _clock = new(Begun);

    public void Dispose() => Directory.Delete(_runs, recursive: true);

    [Fact]
    public async Task A_killed_run_is_interrupted_at_its_step_whatever_address_it_left_behind()
    {
        var run = Killed("killed", step: 7);
        File.WriteAllText(run.Url, "http://127.0.0.1:1");

        var (code, output, error) = await CommandLine.RunAsync("status", "--run", "killed", "--runs", _runs);
        Assert.True(code == 0, error);
        Assert.Contains("killed   interrupted: at step 7; its coordinator is gone, its last sign of life was", output);
        var row = Assert.Single(JsonDocument.Parse((await CommandLine.RunAsync("runs", "--runs", _runs, "--json")).Output)
            .RootElement.EnumerateArray());
        Assert.Equal("interrupted", row.GetProperty("state").GetString());
        Assert.Contains("no coordinator runs here", (await CommandLine.RunAsync("pause", "--runs", _runs)).Error);
    }

    [Fact]
    public void How_old_the_last_known_state_is_is_said()
    {
        var run = Killed("old", step: 2);
        _clock.Now = Begun.AddHours(5);
        using var later = new RunMonitor(run, "test", live: false, clock: _clock);
        var status = later.Status();
        Assert.Equal(("interrupted", 2, Begun), (status.State, status.Step, status.AsOf));
        Assert.Contains("5 h ago", status.Reason);
    }

    [Fact]
    public void A_run_that_is_led_without_HTTP_is_not_called_interrupted()
    {
        var run = Killed("quiet", step: 3);
        using var lead = RunLead.Take(run);
        _clock.Now = Begun.AddSeconds(40);
        using var looked = new RunMonitor(run, "test", live: false, clock: _clock);
        Assert.Equal("running", looked.Status().State);
        Assert.Contains($"as of 40 s ago", looked.Status().Reason);
        Assert.Contains($"led by process {Environment.ProcessId}", looked.Status().Reason);
    }

    [Fact]
    public void A_deposed_one_writes_nothing_into_the_folder_any_more()
    {
        var run = Killed("shared", step: 1);
        var before = File.ReadAllText(run.Status);
        using var deposed = new RunMonitor(run, "test", clock: _clock, keeps: () => false);
        deposed.Report(new RunFailed("shared", 1, "the coordinator at elsewhere leads now"));
        Assert.Equal("failed", deposed.Status().State);
        Assert.Equal(before, File.ReadAllText(run.Status));
        Assert.DoesNotContain("elsewhere", File.ReadAllText(run.Events), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_dashboard_listens_where_it_did_before_unless_that_port_is_taken()
    {
        var any = new HttpSettings("127.0.0.1", "127.0.0.1", 0, null, null);
        var run = Killed("again", step: 1);
        using var monitor = new RunMonitor(run, "test", clock: _clock);
        var server = await ControlServer.StartAsync(any, monitor, () => null);
        var port = new Uri(server.Url).Port;
        Assert.Equal(0, any.At(port).Port);
        Assert.Equal(0, any.At(null).Port);
        Assert.Equal(8123, (any with { Port = 8123 }).At(port).Port);
        await server.DisposeAsync();
        Assert.Equal(port, any.At(port).Port);
    }

    /// <summary>A run that reported, and then nothing more.</summary>
    private RunDirectory Killed(string id, int step)
    {
        var run = new RunDirectory(Path.Combine(_runs, id));
        Directory.CreateDirectory(run.Folder);
        File.WriteAllText(run.Config, "run { name = \"test\" }");
        new RunFacts(Begun).Save(run);
        RunLead.Take(run).Dispose();
        using var monitor = new RunMonitor(run, "test", clock: _clock);
        monitor.Report(new RunStarted(id, 0, 1, 20, 2, 100));
        monitor.Report(new StepCommitted(step, 1, 0.25, 0.1, -0.25, 0.5, [3, 4], new string('a', 64), 1.5));
        return run;
    }

    private sealed class Clock(DateTimeOffset now) : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = now;

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
