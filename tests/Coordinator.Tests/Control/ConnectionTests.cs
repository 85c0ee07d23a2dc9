using System.Net;
using System.Net.Sockets;
using System.Text;

namespace AlignProp.Coordinator.Tests.Control;

/// <summary>Connections that say nothing, and more visitors than there may be.</summary>
public sealed class ConnectionTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    [Fact]
    public async Task Half_open_requests_shut_nobody_out()
    {
        await using var server = await TestServer.StartAsync();
        List<TcpClient> silent = [];
        try
        {
            for (var i = 0; i < 300; i++)
            {
                silent.Add(await HalfOpenAsync(server));
            }
            Assert.Equal("alive\n", await server.Client.GetStringAsync(new Uri("health/live", UriKind.Relative)));
            await server.GetAsync("/api/run");
        }
        finally
        {
            silent.ForEach(s => s.Dispose());
        }
    }

    [Fact]
    public async Task A_head_that_does_not_come_is_waited_for_a_few_seconds()
    {
        await using var server = await TestServer.StartAsync();
        using var silent = await HalfOpenAsync(server);
        using var patience = new CancellationTokenSource(Patience);
        var answer = new byte[1000];
        // 408, or just the end.
        while (await silent.GetStream().ReadAsync(answer, patience.Token) > 0)
        {
        }
    }

    [Fact]
    public async Task With_as_many_visitors_as_there_may_be_health_still_answers()
    {
        await using var server = await TestServer.StartAsync();
        using var many = new HttpClient { BaseAddress = new Uri(server.Url), Timeout = Patience };
        List<HttpResponseMessage> visitors = [];
        try
        {
            for (var i = 0; i < 256; i++)
            {
                visitors.Add(await many.GetAsync(new Uri("api/live", UriKind.Relative),
                    HttpCompletionOption.ResponseHeadersRead));
            }
            using var refused = await server.Client.GetAsync(new Uri("api/run", UriKind.Relative));
            Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
            Assert.Contains("256 connections are open", (await TestServer.ReplyAsync(refused)).Detail);
            Assert.Equal("alive\n", await server.Client.GetStringAsync(new Uri("health/live", UriKind.Relative)));
        }
        finally
        {
            visitors.ForEach(v => v.Dispose());
        }
    }

    private static async Task<TcpClient> HalfOpenAsync(TestServer server)
    {
        var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, new Uri(server.Url).Port);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes("GET /health/live HTTP/1.1\r\nHost: 127.0"));
        return client;
    }
}
