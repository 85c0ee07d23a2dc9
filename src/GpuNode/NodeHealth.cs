using System.Net;
using System.Net.Sockets;
using AlignProp.Clustering;
using AlignProp.GpuNode.Compute;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace AlignProp.GpuNode;

/// <summary>
/// <c>--health HOST:PORT</c>: /health/live and /health/ready as the coordinator has them, for who watches nodes from outside.
/// They tell nothing of the run and take nothing, so they need no token; where the cluster has certificates they speak https off
/// the loopback.
/// </summary>
internal sealed class NodeHealth : IAsyncDisposable
{
    private readonly WebApplication _application;

    private NodeHealth(WebApplication application, string url) => (_application, Url) = (application, url);

    /// <summary>Base URL, without a slash at its end.</summary>
    public string Url { get; }

    /// <param name="bind">Address and port, e.g. 127.0.0.1:8081; port 0 = any free one.</param>
    /// <param name="joined">Whether the node is in the cluster.</param>
    /// <param name="stall">A shard of which nothing was heard for this long is stuck.</param>
    /// <exception cref="ArgumentException">That is no address of this machine, or the port is taken.</exception>
    public static async Task<NodeHealth> StartAsync(
        string bind, Func<bool> joined, IReadOnlyList<ComputeDevice> devices, TimeSpan stall)
    {
        if (!IPEndPoint.TryParse(bind, out var address) || !bind.Contains(':', StringComparison.Ordinal))
        {
            const string example = "127.0.0.1:8081 (port 0 = any free one)";
            throw new ArgumentException($"--health {bind}: expected an IP address and a port, e.g. {example}");
        }
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = 0;
            kestrel.Limits.MaxConcurrentConnections = 64;
            kestrel.Listen(address, listen => Secure(listen, address.Address));
        });
        builder.Services.AddRoutingCore();
        builder.Services.AddHealthChecks()
            .AddCheck("cluster", () => joined() ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy("not in the cluster"))
            .AddCheck("devices", () => Devices(devices, stall));
        var application = builder.Build();
        application.UseRouting();
        application.MapGet("/health/live", () => Results.Text("alive\n"));
        application.MapHealthChecks("/health/ready", new HealthCheckOptions { ResponseWriter = WriteAsync });
        try
        {
            await application.StartAsync();
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            await application.DisposeAsync();
            throw new ArgumentException($"--health {bind}: cannot listen there ({e.GetBaseException().Message})", e);
        }
        return new NodeHealth(application, application.Urls.First());
    }

    public async ValueTask DisposeAsync()
    {
        await _application.StopAsync();
        await _application.DisposeAsync();
    }

    /// <summary>Computing, or free; a shard that is stuck names its device.</summary>
    private static HealthCheckResult Devices(IReadOnlyList<ComputeDevice> devices, TimeSpan stall)
    {
        var running = devices.Select(d => (d.Id.Device, d.Running)).Where(d => d.Running is not null).ToList();
        var stuck = running.Where(d => d.Running!.Still > stall).Select(d => $"{d.Device}").ToList();
        return stuck.Count > 0
            ? HealthCheckResult.Unhealthy($"no progress for {stall.TotalSeconds:F0} s on {string.Join(", ", stuck)}")
            : HealthCheckResult.Healthy(running.Count > 0 ? "computing" : "waiting for work");
    }

    private static Task WriteAsync(HttpContext context, HealthReport report)
    {
        var told = report.Entries.Values.FirstOrDefault(e => e.Status != HealthStatus.Healthy, report.Entries["devices"]);
        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync($"{told.Description}\n", context.RequestAborted);
    }

    private static void Secure(ListenOptions listen, IPAddress address)
    {
        listen.Protocols = HttpProtocols.Http1;
        if (!IPAddress.IsLoopback(address) && TlsFiles.Find() is { } tls)
        {
            listen.UseHttps(RemotingSecurity.Certificate(tls, $"{address}"));
        }
    }
}
