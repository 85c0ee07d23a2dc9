using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;

namespace AlignProp.Web.Control;

/// <summary>
/// How many connections there may be at once. When all are taken, the one that has said nothing for the longest makes room:
/// half-open connections shut nobody out. What is left over is for <c>/health</c> only, so that who restarts what does not answer
/// is answered, however many look at the dashboard.
/// </summary>
/// <param name="general">For everybody.</param>
/// <param name="health">Above that, for health alone.</param>
internal sealed class ConnectionBudget(int general = 256, int health = 16)
{
    private readonly Lock _gate = new();

    // In the order in which they came.
    private readonly LinkedList<Slot> _open = [];

    /// <summary>The connection counts until it ends.</summary>
    public async Task CountAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        var slot = new Slot(connection);
        if (!Admit(slot))
        {
            connection.Abort();
            return;
        }
        connection.Items[typeof(Slot)] = slot;
        try
        {
            await next(connection);
        }
        finally
        {
            lock (_gate)
            {
                _open.Remove(slot);
            }
        }
    }

    /// <summary>A request that came whole: its connection is in use while it is answered.</summary>
    public async Task AnswerAsync(HttpContext context, RequestDelegate next)
    {
        var slot = context.Features.Get<Microsoft.AspNetCore.Connections.Features.IConnectionItemsFeature>()?.Items
            .TryGetValue(typeof(Slot), out var found) == true ? (Slot?)found : null;
        if (slot is null)
        {
            await next(context);
            return;
        }
        bool reserve;
        lock (_gate)
        {
            slot.Requests++;
            reserve = _open.Count > general && _open.Count(s => s.Requests > 0 && s != slot) >= general;
        }
        try
        {
            if (reserve && !context.Request.Path.StartsWithSegments("/health"))
            {
                await ControlServer.Refuse(context, StatusCodes.Status503ServiceUnavailable,
                    $"{general} connections are open, as many as there may be; try again in a moment");
                return;
            }
            await next(context);
        }
        finally
        {
            lock (_gate)
            {
                slot.Requests--;
            }
        }
    }

    private bool Admit(Slot slot)
    {
        Slot? idle = null;
        lock (_gate)
        {
            if (_open.Count >= general)
            {
                idle = _open.FirstOrDefault(s => s.Requests == 0);
                if (idle is not null)
                {
                    _open.Remove(idle);
                }
                else if (_open.Count >= general + health)
                {
                    return false;
                }
            }
            _open.AddLast(slot);
        }
        idle?.Connection.Abort();
        return true;
    }

    private sealed class Slot(ConnectionContext connection)
    {
        public ConnectionContext Connection { get; } = connection;

        /// <summary>In work; HTTP/2 may have several.</summary>
        public int Requests { get; set; }
    }
}
