using System.Net.ServerSentEvents;
using System.Text.Json;
using AlignProp.Coordinator.Runs;
using AlignProp.Coordinator.Tests.Reports;
using AlignProp.Web.Status;

namespace AlignProp.Coordinator.Tests.Control;

/// <summary>The live stream: a status at once, another for news, and after a break only what was missed.</summary>
public sealed class LiveTests
{
    private static readonly RunStarted Started = new("made-up", 0, 4, 8, 2, 100);

    [Fact]
    public async Task News_arrive_and_a_visitor_that_comes_back_gets_what_it_missed()
    {
        await using var server = await TestServer.StartAsync();
        server.Report(Started);
        string? last = null;
        await foreach (var (id, status) in ListenAsync(server, null))
        {
            if (status.Run.Step == 0)
            {
                Assert.Equal("started: at most 8 steps of 2 shards", Assert.Single(status.Events).Text);
                server.Report(ReportFolder.Step(1), NodeEvents.Joined("node-1/cpu:0"));
                continue;
            }
            Assert.Equal(1, status.Run.Step);
            last = id;
            if (status.Nodes.Count > 0)
            {
                break;
            }
        }
        server.Report(NodeEvents.DeviceChanged("node-1/cpu:0", NodeState.Lost, "its shards are leased again"));
        await foreach (var (_, status) in ListenAsync(server, last))
        {
            Assert.EndsWith("lost: its shards are leased again", Assert.Single(status.Events).Text);
            break;
        }
    }

    [Fact]
    public async Task The_end_is_told_before_the_server_goes()
    {
        var server = await TestServer.StartAsync();
        server.Report(Started);
        var states = new List<string>();
        await foreach (var (_, status) in ListenAsync(server, null))
        {
            states.Add(status.Run.State);
            if (states.Count == 1)
            {
                server.Report(new RunStopped("made-up", 0, "stopped by user", "ab"));
                _ = server.DisposeAsync().AsTask();
            }
        }
        Assert.Equal("ended", states[^1]);
    }

    private static async IAsyncEnumerable<(string Id, LiveStatus Status)> ListenAsync(TestServer server, string? last)
    {
        using var client = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Get, $"{server.Url}/api/live");
        if (last is not null)
        {
            request.Headers.Add("Last-Event-ID", last);
        }
        using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.MediaType);
        var parser = SseParser.Create(await response.Content.ReadAsStreamAsync(),
            (_, data) => JsonSerializer.Deserialize<LiveStatus>(data, RunHistory.Json)!);
        await foreach (var item in parser.EnumerateAsync())
        {
            Assert.Equal("status", item.EventType);
            yield return (parser.LastEventId, item.Data);
        }
    }
}
