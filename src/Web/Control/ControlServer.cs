using System.Net;
using System.Net.Sockets;
using AlignProp.Clustering;
using AlignProp.Coordinator.Runs;
using AlignProp.Messages.Configuration;
using AlignProp.Web.Status;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using BadHttpRequestException = Microsoft.AspNetCore.Http.BadHttpRequestException;

namespace AlignProp.Web.Control;

/// <summary>The coordinator's HTTP side: API, dashboard, metrics, health, on Kestrel in the coordinator's process.</summary>
public sealed class ControlServer : IAsyncDisposable
{
    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(2);

    // A request's head fits into one packet: whoever takes longer holds a connection, and no more.
    private static readonly TimeSpan HeaderPatience = TimeSpan.FromSeconds(5);

    private readonly WebApplication _application;
    private readonly CancellationTokenSource _closing;

    private ControlServer(WebApplication application, CancellationTokenSource closing, string url) =>
        (_application, _closing, Url) = (application, closing, url);

    /// <summary>Base URL, without a slash at its end.</summary>
    public string Url { get; }

    /// <param name="control">Null where nobody can be steered: while the coordinator starts, or for a folder.</param>
    /// <exception cref="ConfigException">
    /// The port is taken, the address is not this machine's, or the certificate does not fit.
    /// </exception>
    public static async Task<ControlServer> StartAsync(HttpSettings settings, RunMonitor monitor, Func<IRunControl?> control)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        var addresses = await AddressesAsync(settings.Host);
        var budget = new ConnectionBudget();
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = 64 * 1024;
            kestrel.Limits.RequestHeadersTimeout = HeaderPatience;
            kestrel.ConfigureHttpsDefaults(https => https.HandshakeTimeout = HeaderPatience);
            kestrel.Listen(addresses, settings.Port, listen =>
            {
                listen.Use(next => connection => budget.CountAsync(connection, next));
                Secure(listen, settings);
            });
        });
        builder.Services.AddRoutingCore();
        HealthEndpoints.Add(builder.Services, monitor, control);
        // A value that cannot be read is answered in words, not with an empty page.
        builder.Services.Configure<RouteHandlerOptions>(options => options.ThrowOnBadRequest = true);
        builder.Services.ConfigureHttpJsonOptions(options =>
        {
            options.SerializerOptions.PropertyNamingPolicy = RunHistory.Json.PropertyNamingPolicy;
            options.SerializerOptions.NumberHandling = RunHistory.Json.NumberHandling;
            options.SerializerOptions.Encoder = RunHistory.Json.Encoder;
        });
        var application = builder.Build();
        var closing = new CancellationTokenSource();
        var guard = new HttpGuard(settings);
        application.Use((context, next) => budget.AnswerAsync(context, next));
        application.Use((context, next) => FilterAsync(context, next, guard));
        application.UseRouting();
        PageEndpoints.Map(application);
        ReadEndpoints.Map(application, monitor);
        FileEndpoints.Map(application, monitor.Directory);
        RunsEndpoints.Map(application, monitor.Directory);
        HealthEndpoints.Map(application);
        LiveEndpoint.Map(application, monitor, closing.Token);
        SteerEndpoints.Map(application, monitor, control, guard);
        try
        {
            await application.StartAsync();
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            await application.DisposeAsync();
            throw new ConfigException(
                $"--http {settings.Host}:{settings.Port}: cannot listen there ({e.GetBaseException().Message}); choose another "
                + $"port, 0 for any free one, or --http off");
        }
        var port = new Uri(application.Urls.First()).Port;
        return new ControlServer(application, closing, (settings with { Port = port }).ToString());
    }

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        using var patience = new CancellationTokenSource(Farewell);
        await _application.StopAsync(patience.Token);
        await _application.DisposeAsync();
        _closing.Dispose();
    }

    internal static Task Refuse(HttpContext context, int status, string detail)
    {
        context.Response.StatusCode = status;
        return context.Response.WriteAsJsonAsync(new ControlReply(false, detail), RunHistory.Json, context.RequestAborted);
    }

    private static async Task FilterAsync(HttpContext context, RequestDelegate next, HttpGuard guard)
    {
        HttpGuard.Harden(context.Response);
        if (guard.Refusal(context.Request) is var (status, detail))
        {
            await Refuse(context, status, detail);
            return;
        }
        try
        {
            await next(context);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // The visitor has gone.
        }
        catch (Exception e) when (
            e is IOException or UnauthorizedAccessException or BadHttpRequestException or System.Text.Json.JsonException
            && !context.Response.HasStarted)
        {
            await Refuse(context, e is BadHttpRequestException bad ? bad.StatusCode : e is System.Text.Json.JsonException
                ? StatusCodes.Status400BadRequest : StatusCodes.Status500InternalServerError, e.Message);
        }
        if (context.Response.HasStarted)
        {
            return;
        }
        // What routing answered by itself, without words.
        switch (context.Response.StatusCode)
        {
            case StatusCodes.Status404NotFound:
                await Refuse(context, StatusCodes.Status404NotFound,
                    $"{context.Request.Path}: no such page; the API is below /api, see docs/dashboard.md");
                break;
            case StatusCodes.Status405MethodNotAllowed:
                await Refuse(context, StatusCodes.Status405MethodNotAllowed,
                    $"{context.Request.Method} {context.Request.Path}: expected {context.Response.Headers.Allow}");
                break;
        }
    }

    private static void Secure(ListenOptions listen, HttpSettings settings)
    {
        listen.Protocols = HttpProtocols.Http1AndHttp2;
        if (settings.Tls is null)
        {
            // Without TLS there is no negotiation: HTTP/2 would only be refused.
            listen.Protocols = HttpProtocols.Http1;
            return;
        }
        listen.UseHttps(RemotingSecurity.Certificate(settings.Tls, settings.PublicHost));
    }

    private static async Task<IPAddress> AddressesAsync(string host)
    {
        try
        {
            return IPAddress.TryParse(host, out var address) ? address
                : (await Dns.GetHostAddressesAsync(host)).OrderBy(a => a.AddressFamily == AddressFamily.InterNetwork ? 0 : 1)
                .First();
        }
        catch (Exception e) when (e is SocketException or InvalidOperationException)
        {
            throw new ConfigException($"--http {host}: no such host ({e.Message})");
        }
    }
}
