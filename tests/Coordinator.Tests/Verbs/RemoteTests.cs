using System.Text.Json;
using AlignProp.Coordinator.Runs;
using AlignProp.Coordinator.Storage;
using AlignProp.Web.Control;
using AlignProp.Web.Status;

namespace AlignProp.Coordinator.Tests.Verbs;

/// <summary>The verbs that talk to a coordinator, against the real HTTP server.</summary>
public sealed class RemoteTests : IDisposable
{
    private const string Token = "a-token-of-some-length";

    private readonly string _runs = Directory.CreateTempSubdirectory("alignprop-remote-").FullName;

    public void Dispose() => Directory.Delete(_runs, recursive: true);

    [Fact]
    public async Task Status_nodes_pause_continue_stop_and_drain_reach_the_coordinator_by_its_run_or_its_url()
    {
        var (directory, monitor, asked) = (Run("running"), Monitor("running"), new Asked());
        await using var server = await ControlServer.StartAsync(new HttpSettings("127.0.0.1", "127.0.0.1", 0, Token, null),
            monitor, () => asked);
        File.WriteAllText(directory.Url, server.Url);

        var (code, _, error) = await CommandLine.RunAsync("status", "--runs", _runs);
        Assert.Equal((2, true),
            (code, error.Contains("asks for its token; set ALIGNPROP_TOKEN or give --token", StringComparison.Ordinal)));

        (code, _, error) = await CommandLine.RunAsync("status", "--runs", _runs, "--token", "another-token-than-that");
        Assert.Equal((2, true), (code, error.Contains("this is not the coordinator's token", StringComparison.Ordinal)));

        (code, var output, error) = await CommandLine.RunAsync("status", "--runs", _runs, "--token", Token);
        Assert.True(code == 0, error);
        Assert.Contains("1 of 3", output);
        Assert.Contains("node-1/cpu:0", output);
        var status = JsonDocument.Parse(
            (await CommandLine.RunAsync("status", "--coordinator", server.Url, "--token", Token, "--json")).Output).RootElement;
        Assert.Equal(("running", 1, 0.25),
            (status.GetProperty("runId").GetString(), status.GetProperty("step").GetInt32(),
            status.GetProperty("reward").GetDouble()));
        var nodes = JsonDocument.Parse((await CommandLine.RunAsync("nodes", "--runs", _runs, "--token", Token, "--json")).Output)
            .RootElement;
        Assert.Equal("computing", Assert.Single(nodes.EnumerateArray()).GetProperty("state").GetString());

        var root = AlignProp.Cli.Commands.AlignPropCommand.Create(TextWriter.Null, TextWriter.Null, false, default);
        Assert.Equal(["node-1"],
            new AlignProp.Cli.Interactive.Completion(root).Of($"drain --runs {_runs} --token {Token} "));
        foreach (var verb in (string[])["pause", "continue", "stop"])
        {
            Assert.Equal($"{verb} it is",
                (await CommandLine.RunAsync(verb, "--run", "running", "--runs", _runs, "--token", Token)).Output.Trim());
        }
        Assert.Equal([Steer.Pause, Steer.Continue, Steer.Stop], asked.Steered);
        Assert.Equal("starting node-1 again",
            (await CommandLine.RunAsync("nodes", "--start", "--runs", _runs, "--token", Token)).Output.Trim());
        (code, _, error) = await CommandLine.RunAsync("drain", "nobody", "--runs", _runs, "--token", Token);
        Assert.Equal((2, "alignprop: nobody: no such node; nodes: node-1"), (code, error.Trim()));
    }

    [Fact]
    public async Task Where_nobody_coordinates_it_is_said_what_to_do()
    {
        var directory = Run("over");
        Assert.Contains("no coordinator runs here; start one with: alignprop resume over",
            (await CommandLine.RunAsync("pause", "--runs", _runs)).Error);
        File.WriteAllText(directory.Url, "http://127.0.0.1:9");
        Assert.Contains("nobody answers at http://127.0.0.1:9", (await CommandLine.RunAsync("pause", "--runs", _runs)).Error);
        File.Delete(directory.Url);
        var (code, output, _) = await CommandLine.RunAsync("status", "--runs", _runs);
        Assert.Equal(0, code);
        Assert.Contains("over   interrupted", output);
    }

    private RunDirectory Run(string id)
    {
        var directory = new RunDirectory(Path.Combine(_runs, id));
        Directory.CreateDirectory(directory.Folder);
        File.WriteAllText(directory.Config, "run { name = \"test\" }");
        return directory;
    }

    private RunMonitor Monitor(string id)
    {
        var monitor = new RunMonitor(new RunDirectory(Path.Combine(_runs, id)), "test");
        monitor.Report(new RunStarted(id, 0, 1, 3, 2, 100));
        monitor.Report(NodeEvents.Joined("node-1/cpu:0"));
        monitor.Report(NodeEvents.Heard("node-1/cpu:0", new DeviceWork(2, 1, false, "sample", 0.5)));
        monitor.Report(new StepCommitted(1, 1, 0.25, 0.1, -0.25, 0.5, [3, 4], new string('a', 64), 1.5));
        return monitor;
    }

    private sealed class Asked : IRunControl
    {
        public List<Steer> Steered { get; } = [];

        public bool IsJoined => true;

        public Task<SteerReply> SteerAsync(Steer what)
        {
            Steered.Add(what);
            return Task.FromResult(new SteerReply(true, $"{what.ToString().ToLowerInvariant()} it is"));
        }

        public SteerReply StartNodes() => new(true, "starting node-1 again");

        public Task<SteerReply> DrainAsync(string node) =>
            Task.FromResult(new SteerReply(false, $"{node}: no such node; nodes: node-1"));
    }
}
