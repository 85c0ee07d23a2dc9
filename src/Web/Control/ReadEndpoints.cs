using AlignProp.Reports;
using AlignProp.Web.Status;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace AlignProp.Web.Control;

/// <summary>What can be read: status, devices, metrics, events, configuration, pictures.</summary>
internal static class ReadEndpoints
{
    public static void Map(IEndpointRouteBuilder routes, RunMonitor monitor)
    {
        routes.MapGet("/api/run", () => Results.Json(monitor.Status(), RunHistory.Json));
        routes.MapGet("/api/nodes", () => Results.Json(monitor.Nodes(), RunHistory.Json));
        routes.MapGet("/api/events", () => Results.Json(monitor.Events, RunHistory.Json));
        routes.MapGet("/api/metrics", (int? after) =>
            Results.Json(MetricsLog.Read(monitor.Directory.Metrics).Where(l => l.Step > (after ?? -1)), RunHistory.Json));
        routes.MapGet("/api/config", (HttpContext context) => File.Exists(monitor.Directory.Config)
            ? context.Response.WriteAsJsonAsync(new ConfigText(File.ReadAllText(monitor.Directory.Config)), RunHistory.Json)
            : ControlServer.Refuse(context, StatusCodes.Status404NotFound, $"{monitor.Directory.Id} has no run.conf"));
        routes.MapGet("/api/images", () =>
        {
            var sets = EvaluationImages.Sets(monitor.Directory).ToList();
            return Results.Json(sets.Select(s => new ImageSet(s.Step,
                [.. s.Pictures.Select((p, i) =>
                new ImageEntry(i, p.Prompt, p.HeldOut, p.Seed, p.Reward, $"/api/images/{s.Step}/{i}.png",
                    s.Step == 0 ? FileEndpoints.Large(monitor.Directory, "before", i)
                    : s.Step == sets[^1].Step ? FileEndpoints.Large(monitor.Directory, "after", i) : null))])), RunHistory.Json);
        });
        routes.MapGet("/api/images/{step:int}/{index:int}.png", (HttpContext context, int step, int index) =>
        {
            if (EvaluationImages.File(monitor.Directory, step, index) is not { } file)
            {
                return ControlServer.Refuse(context, StatusCodes.Status404NotFound,
                    $"no picture {index} of step {step} is kept; /api/images lists what is");
            }
            // A picture of a step and an index never changes.
            context.Response.Headers.CacheControl = "private, max-age=86400, immutable";
            return Results.File(file, "image/png").ExecuteAsync(context);
        });
        routes.MapGet("/metrics", () =>
            Results.Text(PrometheusText.Render(monitor.Meter.Meter), "text/plain; version=0.0.4; charset=utf-8"));
    }
}
