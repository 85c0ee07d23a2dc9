using System.Net;
using System.Net.Sockets;
using AlignProp.Messages.Configuration;

namespace AlignProp.Clustering;

/// <summary>Where a process is to listen.</summary>
public static class ListenAddress
{
    /// <exception cref="ConfigException">Another process listens there, or the address is not this machine's.</exception>
    public static void RequireFree(string host, int port)
    {
        if (port == 0)
        {
            return;
        }
        try
        {
            using var listener = new TcpListener(Dns.GetHostAddresses(host)[0], port);
            listener.Start();
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            throw new ConfigException(
                $"port {port} is taken by another process; choose another with --port, or 0 for any free one");
        }
        catch (SocketException e)
        {
            throw new ConfigException($"--host {host}: cannot listen there ({e.Message}); expected an address of this machine");
        }
    }
}
