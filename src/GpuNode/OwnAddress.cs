using System.Net;
using System.Net.Sockets;
using Akka.Actor;

namespace AlignProp.GpuNode;

/// <summary>
/// <c>--host auto</c>: the address of this machine that the coordinator sees, for containers and machines whose addresses are
/// given to them.
/// </summary>
public static class OwnAddress
{
    /// <summary>The local address of the route to the coordinator; nothing is sent.</summary>
    /// <exception cref="ArgumentException">The coordinator's name has no address, or no route leads there.</exception>
    public static string Towards(Address coordinator)
    {
        try
        {
            var there = Dns.GetHostAddresses(coordinator.Host!, AddressFamily.InterNetwork)[0];
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            socket.Connect(there, coordinator.Port ?? 9);
            return ((IPEndPoint)socket.LocalEndPoint!).Address.ToString();
        }
        catch (SocketException e)
        {
            throw new ArgumentException(
                $"--host auto: no way to {coordinator.Host} ({e.Message}); give this machine's address instead");
        }
    }
}
