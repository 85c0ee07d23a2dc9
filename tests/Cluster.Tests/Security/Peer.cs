using Akka.Actor;
using Akka.Actor.Setup;
using Akka.Configuration;
using AlignProp.Messages;

namespace AlignProp.Clustering.Tests.Security;

/// <summary>
/// An actor system on the loopback with the shipped configuration and one actor that answers NodeHello with NodeRefused.
/// </summary>
internal sealed class Peer : IAsyncDisposable
{
    private readonly StrongBox _received = new();
    private readonly RemotingSecurity? _security;

    private Peer(ActorSystem system, RemotingSecurity? security)
    {
        (System, _security) = (system, security);
        System.ActorOf(Props.Create(() => new Answering(_received)), "answering");
    }

    public ActorSystem System { get; }

    /// <summary>Why joining again would fail again, of a peer that was started with files.</summary>
    public string? HandshakeFailure => _security!.HandshakeFailure(System);

    public string Address => ((ExtendedActorSystem)System).Provider.DefaultAddress.ToString();

    public int Port => ((ExtendedActorSystem)System).Provider.DefaultAddress.Port!.Value;

    /// <summary>Messages of any kind the actor was given.</summary>
    public int Received => Volatile.Read(ref _received.Count);

    public static Peer Start(TlsFiles? tls = null, string hocon = "")
    {
        var security = RemotingSecurity.For(tls: tls);
        return Start(security.Setup, security.Hocon + '\n' + hocon, security);
    }

    /// <summary>With a setup the project itself would never make.</summary>
    public static Peer Start(Func<Config, ActorSystemSetup> setup, string hocon, RemotingSecurity? security = null) =>
        new(ActorSystem.Create(ClusterNames.System, setup(HoconLayers.For("node", "akka.actor.provider = remote\n" + hocon))),
            security);

    /// <summary>Asks the other's actor; an AskTimeoutException when nothing comes back.</summary>
    public Task<NodeRefused> AskAsync(Peer other, double seconds = 10, string? address = null) =>
        System.ActorSelection($"{address ?? other.Address}/user/answering")
            .Ask<NodeRefused>(new NodeHello(new("n"), [], "0"), TimeSpan.FromSeconds(seconds));

    public async ValueTask DisposeAsync() => await System.Terminate();

    private sealed class StrongBox
    {
        public int Count;
    }

    private sealed class Answering : ReceiveActor
    {
        public Answering(StrongBox received) => ReceiveAny(message =>
        {
            Interlocked.Increment(ref received.Count);
            if (message is NodeHello)
            {
                Sender.Tell(new NodeRefused("nothing to do"));
            }
        });
    }
}
