using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using AlignProp.Coordinator.Runs;
using AlignProp.Coordinator.Storage;
using AlignProp.Coordinator.Tests.Reports;
using AlignProp.Reports;
using AlignProp.Web.Control;
using AlignProp.Web.Status;

namespace AlignProp.Coordinator.Tests.Control;

/// <summary>A real server on a free port of the loopback, of a run that is made up, and what it was asked to do.</summary>
internal sealed class TestServer : IAsyncDisposable, IRunControl
{
    public const string Token = "0123456789abcdef-secret";

    private readonly ReportFolder _folder = new();
    private readonly ControlServer _server;

    private TestServer(ReportFolder folder, RunMonitor monitor, ControlServer server) =>
        (_folder, Monitor, _server) = (folder, monitor, server);

    public RunMonitor Monitor { get; }

    public RunDirectory Run => _folder.Run;

    public RunDirectory Beside(string id) => _folder.Beside(id);

    public List<string> Asked { get; } = [];

    public bool IsJoined { get; set; } = true;

    public HttpClient Client { get; private init; } = null!;

    public string Url => _server.Url;

    public static async Task<TestServer> StartAsync(string? token = null, bool live = true, Clustering.TlsFiles? tls = null)
    {
        var folder = new ReportFolder();
        var monitor = new RunMonitor(folder.Run, "made-up", live);
        TestServer? test = null;
        var server = await ControlServer.StartAsync(new HttpSettings("127.0.0.1", "127.0.0.1", 0, token, tls), monitor,
            () => live ? test : null);
        return test = new TestServer(folder, monitor,
            server)
        { Client = new HttpClient { BaseAddress = new Uri(server.Url), Timeout = TimeSpan.FromSeconds(120) } };
    }

    /// <summary>Reporter and monitor, in the order of a run.</summary>
    public void Report(params RunProgress[] events)
    {
        var reporter = new ProgressFan(new Pictures(Run), Monitor);
        foreach (var e in events)
        {
            reporter.Report(e);
        }
    }

    public async Task<JsonElement> GetAsync(string path)
    {
        var response = await Client.GetAsync(new Uri(path, UriKind.Relative));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("application/json", response.Content.Headers.ContentType?.MediaType);
        return await response.Content.ReadFromJsonAsync<JsonElement>();
    }

    public Task<HttpResponseMessage> PostAsync(string path) => Client.PostAsJsonAsync(new Uri(path, UriKind.Relative), new { });

    public static async Task<(bool Ok, string Detail)> ReplyAsync(HttpResponseMessage response)
    {
        var reply = await response.Content.ReadFromJsonAsync<ControlReply>();
        return (reply!.Ok, reply.Detail);
    }

    public Task<SteerReply> SteerAsync(Steer what)
    {
        Asked.Add(what.ToString());
        return Task.FromResult(new SteerReply(true, $"{what} it is"));
    }

    public SteerReply StartNodes()
    {
        Asked.Add("start nodes");
        return new SteerReply(true, "starting node-1 again");
    }

    public Task<SteerReply> DrainAsync(string node)
    {
        Asked.Add($"drain {node}");
        return Task.FromResult(new SteerReply(node == "node-1", node == "node-1" ? "leaves"
            : $"{node}: no such node; nodes: node-1"));
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _server.DisposeAsync();
        _folder.Dispose();
    }

    /// <summary>What the reporter does, without an adapter to export.</summary>
    private sealed class Pictures(RunDirectory run) : IProgress<RunProgress>
    {
        public void Report(RunProgress value)
        {
            if (MetricsLine.Of(value) is { } line)
            {
                MetricsLog.Append(run.Metrics, line);
            }
            if (value is EvaluationFinished evaluation)
            {
                EvaluationImages.Save(run, evaluation.Step, SamplePicture.Of(evaluation));
            }
        }
    }
}
