using Akka.Actor;
using AlignProp.Coordinator.Runs;
using AlignProp.Web.Status;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace AlignProp.Web.Control;

/// <summary>
/// What can be asked of a running run: pause, continue, stop, drain. Each answers a <see cref="ControlReply"/>; 409 where it
/// cannot be done.
/// </summary>
internal static class SteerEndpoints
{
    private sealed record Login(string Token);

    public static void Map(IEndpointRouteBuilder routes, RunMonitor monitor, Func<IRunControl?> control, HttpGuard guard)
    {
        foreach (var what in Enum.GetValues<Steer>())
        {
            routes.MapPost($"/api/{what.ToString().ToLowerInvariant()}",
                (Delegate)((HttpContext context) => AnswerAsync(context, run => run.SteerAsync(what))));
        }
        routes.MapPost("/api/drain/{node}",
            (HttpContext context, string node) => AnswerAsync(context, run => run.DrainAsync(node)));
        routes.MapPost("/api/nodes/start",
            (Delegate)((HttpContext context) => AnswerAsync(context, run => Task.FromResult(run.StartNodes()))));
        routes.MapPost("/api/login", async (HttpContext context) =>
        {
            var given = await context.Request.ReadFromJsonAsync<Login>(RunHistory.Json);
            if (given?.Token is { } token && guard.Login(context, token))
            {
                await context.Response.WriteAsJsonAsync(new ControlReply(true, "welcome"), RunHistory.Json);
                return;
            }
            await ControlServer.Refuse(context, StatusCodes.Status401Unauthorized,
                "this is not the token the coordinator was started with");
        });

        async Task AnswerAsync(HttpContext context, Func<IRunControl, Task<SteerReply>> ask)
        {
            var picture = monitor.Picture;
            if (control() is not { } run || picture.IsOver || picture.Phase is "standby" or "starting")
            {
                await ControlServer.Refuse(context, StatusCodes.Status409Conflict, picture.Phase switch
                {
                    "starting" => "the run is starting; try again in a moment",
                    "standby" => $"this coordinator stands by; ask the one that "
                        + $"leads{(picture.Leader is { } leader ? $", {leader.Host}" : "")}",
                    _ => $"the run is over ({picture.Phase}); nothing to steer",
                });
                return;
            }
            try
            {
                var reply = await ask(run);
                context.Response.StatusCode = reply.Ok ? StatusCodes.Status200OK : StatusCodes.Status409Conflict;
                await context.Response.WriteAsJsonAsync(new ControlReply(reply.Ok, reply.Detail), RunHistory.Json);
            }
            catch (AskTimeoutException)
            {
                await ControlServer.Refuse(context, StatusCodes.Status503ServiceUnavailable, picture.JournalAway
                    ?? "the run does not answer; its journal may be away");
            }
        }
    }
}
