using System.Globalization;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using AlignProp.Web.Status;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace AlignProp.Web.Control;

/// <summary>
/// <c>GET /api/live</c>: server-sent events named <c>status</c>, each a <see cref="LiveStatus"/> whose id is the number of its
/// newest entry; a visitor that
/// comes back with Last-Event-ID gets the entries it missed.
/// </summary>
internal static class LiveEndpoint
{
    // Often enough for the eye, seldom enough for a phone.
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    // Shows a proxy, and the visitor, that the connection lives.
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(10);

    public static void Map(IEndpointRouteBuilder routes, RunMonitor monitor, CancellationToken closing) =>
        routes.MapGet("/api/live", (HttpContext context) =>
        {
            var seen = int.TryParse(context.Request.Headers["Last-Event-ID"], NumberStyles.None, CultureInfo.InvariantCulture,
                out var last) ? last : 0;
            return TypedResults.ServerSentEvents(StreamAsync(monitor, seen, closing, context.RequestAborted));
        });

    private static async IAsyncEnumerable<SseItem<LiveStatus>> StreamAsync(RunMonitor monitor, int seen,
        CancellationToken closing, [EnumeratorCancellation] CancellationToken gone)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(closing, gone);
        while (true)
        {
            var last = either.IsCancellationRequested;
            var changed = monitor.Changed();
            var status = monitor.Live(seen);
            seen = status.Events.Count > 0 ? status.Events[^1].Number : seen;
            yield return new SseItem<LiveStatus>(status, "status") { EventId = seen.ToString(CultureInfo.InvariantCulture) };
            if (last)
            {
                // The end of the run was told; the server closes.
                yield break;
            }
            await PauseAsync(Task.Delay(Interval, either.Token));
            await PauseAsync(changed.WaitAsync(Heartbeat, either.Token));
        }
    }

    private static async Task PauseAsync(Task task) => await task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
}
