using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using AlignProp.Coordinator.Runs;
using AlignProp.Messages.Configuration;
using AlignProp.Web.Control;

namespace AlignProp.Coordinator.Tests.Control;

/// <summary>Who is let in: other pages of a browser are not, nor is anybody without the token where there is one.</summary>
public sealed class GuardTests
{
    [Fact]
    public async Task A_name_that_only_resolves_to_the_loopback_is_refused()
    {
        await using var server = await TestServer.StartAsync();
        var request = new HttpRequestMessage(HttpMethod.Get, "/api/run") { Headers = { Host = "rebound.example" } };
        Assert.Equal(HttpStatusCode.MisdirectedRequest, (await server.Client.SendAsync(request)).StatusCode);
        var local = new HttpRequestMessage(HttpMethod.Get, "/api/run") { Headers = { Host = "localhost:1234" } };
        Assert.Equal(HttpStatusCode.OK, (await server.Client.SendAsync(local)).StatusCode);
    }

    [Fact]
    public async Task Another_page_can_neither_post_a_form_nor_json()
    {
        await using var server = await TestServer.StartAsync();
        server.Report(new RunStarted("made-up", 0, 4, 8, 2, 100));
        using var form = new FormUrlEncodedContent([]);
        Assert.Equal(HttpStatusCode.UnsupportedMediaType,
            (await server.Client.PostAsync(new Uri("/api/stop", UriKind.Relative), form)).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await FromAsync("https://evil.example")).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await FromAsync("null")).StatusCode);
        Assert.Empty(server.Asked);
        Assert.Equal(HttpStatusCode.OK, (await FromAsync(server.Url)).StatusCode);
        Assert.Equal(["Stop"], server.Asked);

        Task<HttpResponseMessage> FromAsync(string origin)
        {
            var request = new HttpRequestMessage(HttpMethod.Post, "/api/stop") { Content = JsonContent.Create(new { }) };
            request.Headers.Add("Origin", origin);
            return server.Client.SendAsync(request);
        }
    }

    [Fact]
    public async Task With_a_token_everything_but_health_and_the_page_asks_for_it()
    {
        await using var server = await TestServer.StartAsync(TestServer.Token);
        foreach (var path in new[] { "/api/run", "/api/nodes", "/api/live", "/api/config", "/api/images/0/0.png", "/api/files",
            "/api/files/adapter.safetensors", "/api/files/metrics.csv", "/api/runs", "/api/runs/other/metrics", "/API/run",
            "/api/run/", "/%61pi/run", "/api//run", "/metrics", "/Metrics/", "/nothing" })
        {
            Assert.Equal(HttpStatusCode.Unauthorized,
                (await server.Client.GetAsync(new Uri(path, UriKind.Relative), HttpCompletionOption.ResponseHeadersRead))
                .StatusCode);
        }
        Assert.Equal(HttpStatusCode.Unauthorized, (await server.PostAsync("/api/stop")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await server.Client.GetAsync(new Uri("/health/live", UriKind.Relative))).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await server.Client.GetAsync(new Uri("/", UriKind.Relative))).StatusCode);

        server.Client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", TestServer.Token + "x");
        Assert.Equal(HttpStatusCode.Unauthorized,
            (await server.Client.GetAsync(new Uri("/api/run", UriKind.Relative))).StatusCode);
        server.Client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", TestServer.Token);
        Assert.Equal(HttpStatusCode.OK, (await server.Client.GetAsync(new Uri("/api/run", UriKind.Relative))).StatusCode);
    }

    [Fact]
    public async Task The_page_gets_a_cookie_for_the_token_that_is_not_the_token()
    {
        await using var server = await TestServer.StartAsync(TestServer.Token);
        Assert.Equal(HttpStatusCode.Unauthorized, (await LoginAsync("wrong")).StatusCode);
        var welcome = await LoginAsync(TestServer.Token);
        var cookie = Assert.Single(welcome.Headers.GetValues("Set-Cookie"));
        Assert.DoesNotContain(TestServer.Token, cookie, StringComparison.Ordinal);
        Assert.Contains("httponly", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("samesite=strict", cookie, StringComparison.OrdinalIgnoreCase);
        // The client keeps cookies, as a browser does.
        Assert.Equal(HttpStatusCode.OK, (await server.Client.GetAsync(new Uri("/api/run", UriKind.Relative))).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest,
            (await server.Client.PostAsync(new Uri("/api/login", UriKind.Relative),
            new StringContent("{", new MediaTypeHeaderValue("application/json")))).StatusCode);

        Task<HttpResponseMessage> LoginAsync(string token) =>
            server.Client.PostAsJsonAsync(new Uri("/api/login", UriKind.Relative), new { token });
    }

    [Fact]
    public async Task Every_answer_forbids_what_a_page_of_somebody_else_could_do_with_it()
    {
        await using var server = await TestServer.StartAsync();
        var headers = (await server.Client.GetAsync(new Uri("/", UriKind.Relative))).Headers;
        Assert.Contains("default-src 'self'", headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        Assert.Contains("frame-ancestors 'none'", headers.GetValues("Content-Security-Policy").Single(),
            StringComparison.Ordinal);
        Assert.Equal("nosniff", headers.GetValues("X-Content-Type-Options").Single());
        Assert.False(headers.Contains("Access-Control-Allow-Origin"));
    }

    [Theory]
    [InlineData("0.0.0.0:8080", null, "not on the loopback: a token is needed")]
    [InlineData("10.0.0.5:8080", "short", "at least 16 visible ASCII characters")]
    [InlineData("127.0.0.1:8080", "short", "at least 16 visible ASCII characters")]
    [InlineData("127.0.0.1", null, "expected HOST:PORT")]
    [InlineData("127.0.0.1:x", null, "expected HOST:PORT")]
    [InlineData("127.0.0.1:70000", null, "expected HOST:PORT")]
    public void Wrong_addresses_and_tokens_are_named(string bind, string? token, string expected) =>
        Assert.Contains(expected,
            Assert.Throws<ConfigException>(() => HttpSettings.Read(bind, token, null, "127.0.0.1")).Message,
            StringComparison.Ordinal);

    [Fact]
    public void The_token_comes_from_the_option_or_a_file_and_is_never_told()
    {
        Assert.Null(HttpSettings.Read("off", null, null, "127.0.0.1"));
        Assert.Equal(0, HttpSettings.Read(null, null, null, "127.0.0.1")!.Port);
        using var folder = new Reports.ReportFolder();
        var file = folder.File("token");
        Assert.Contains(file,
            Assert.Throws<ConfigException>(() => HttpSettings.Read("0.0.0.0:0", null, file, "10.0.0.5")).Message,
            StringComparison.Ordinal);
        File.WriteAllText(file, TestServer.Token + "\n");
        var settings = HttpSettings.Read("0.0.0.0:8443", null, file, "10.0.0.5")!;
        Assert.Equal(TestServer.Token, settings.Token);
        Assert.Equal("http://10.0.0.5:8443", settings.ToString());
    }

    [Fact]
    public async Task A_taken_port_is_named()
    {
        await using var server = await TestServer.StartAsync();
        var settings = HttpSettings.Read(new Uri(server.Url).Authority, null, null, "127.0.0.1")!;
        Assert.Contains("cannot listen there", Assert.Throws<ConfigException>(settings.Check).Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<ConfigException>(() => ControlServer.StartAsync(settings, server.Monitor, () => null));
    }
}
