using System.Net;
using System.Net.Sockets;

namespace AlignProp.Clustering.Tests.Security;

/// <summary>Stands before an actor system and keeps what its first visitor sends: a real conversation to damage.</summary>
internal sealed class RecordingProxy : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly MemoryStream _recorded = new();

    public RecordingProxy() => _listener.Start();

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public byte[] Recorded
    {
        get
        {
            lock (_recorded)
            {
                return _recorded.ToArray();
            }
        }
    }

    /// <summary>Passes every visitor on to a port of this machine.</summary>
    public async Task ServeAsync(int port)
    {
        try
        {
            for (var visitor = 0; ; visitor++)
            {
                var outside = await _listener.AcceptTcpClientAsync();
                var inside = new TcpClient();
                await inside.ConnectAsync(IPAddress.Loopback, port);
                _ = PassOn(outside, inside, record: visitor == 0);
                _ = PassOn(inside, outside, record: false);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    public void Dispose() => _listener.Dispose();

    private async Task PassOn(TcpClient from, TcpClient to, bool record)
    {
        try
        {
            var buffer = new byte[16 * 1024];
            int read;
            while ((read = await from.GetStream().ReadAsync(buffer)) > 0)
            {
                if (record)
                {
                    lock (_recorded)
                    {
                        _recorded.Write(buffer, 0, read);
                    }
                }
                await to.GetStream().WriteAsync(buffer.AsMemory(0, read));
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidOperationException)
        {
            // One side is gone.
        }
        to.Dispose();
        from.Dispose();
    }
}
