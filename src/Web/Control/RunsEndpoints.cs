using AlignProp.Coordinator.Storage;
using AlignProp.Reports;
using AlignProp.Web.Status;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace AlignProp.Web.Control;

/// <summary>The runs beside this one, to compare with: their metrics, nothing else of them.</summary>
internal static class RunsEndpoints
{
    private const int Listed = 50;

    public static void Map(IEndpointRouteBuilder routes, RunDirectory run)
    {
        routes.MapGet("/api/runs", () => Results.Json(All(run).Reverse().Take(Listed).Select(r => Entry(r, run)),
            RunHistory.Json));
        routes.MapGet("/api/runs/{id}/metrics", (HttpContext context, string id, int? after) =>
            // Looked for among the runs there are: no name becomes a path.
            All(run).FirstOrDefault(r => r.Id == id) is { } other
                ? Results.Json(MetricsLog.Read(other.Metrics).Where(l => l.Step > (after ?? -1)), RunHistory.Json)
                    .ExecuteAsync(context)
                : ControlServer.Refuse(context, StatusCodes.Status404NotFound, $"{id}: no such run; /api/runs lists them"));
    }

    private static IReadOnlyList<RunDirectory> All(RunDirectory run) =>
        Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(run.Folder))) is { } folder
            ? RunDirectory.All(folder) : [];

    private static RunEntry Entry(RunDirectory run, RunDirectory current)
    {
        var lines = MetricsLog.Read(run.Metrics);
        var last = lines.LastOrDefault(l => l.Kind == MetricsLine.EvaluationKind);
        return new RunEntry(run.Id, run.Id == current.Id, RunFacts.Of(run).Started,
            lines.Select(l => l.Step).DefaultIfEmpty().Max(), last?.RewardMean, last?.RewardStd);
    }
}
