using AlignProp.Coordinator.Runs;
using AlignProp.Web.Status;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace AlignProp.Web.Control;

/// <summary>
/// /health/live: it answers. /health/ready: 200 with what it does, or 503 with the first check that fails, in words that tell
/// nothing of the run.
/// </summary>
internal static class HealthEndpoints
{
    /// <param name="control">Null where there is no cluster to be in: while the coordinator starts, or for a folder.</param>
    public static void Add(IServiceCollection services, RunMonitor monitor, Func<IRunControl?> control) =>
        services.AddHealthChecks()
        .AddCheck("journal", () => Health.Journal(monitor.Picture))
        .AddCheck("cluster", () => Health.Cluster(control()?.IsJoined != false))
        .AddCheck("run", () => Health.Run(monitor.Picture));

    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/health/live", () => Results.Text("alive\n"));
        routes.MapHealthChecks("/health/ready", new HealthCheckOptions { ResponseWriter = WriteAsync });
    }

    private static Task WriteAsync(HttpContext context, HealthReport report)
    {
        // In the order they were added; the last one's text is what the coordinator does.
        var told = report.Entries.Values.FirstOrDefault(e => e.Status != HealthStatus.Healthy, report.Entries["run"]);
        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync($"{told.Description}\n", context.RequestAborted);
    }
}
