using Akka.Actor;
using Akka.Cluster;
using Akka.Cluster.Tools.Singleton;
using Akka.Configuration;
using AlignProp.GpuNode;
using AlignProp.Messages;

namespace AlignProp.Benchmarks.Scale;

/// <summary>
/// A member of the cluster without devices: hears which members become unreachable, measures the heartbeats that reach it, and
/// fetches adapters as a node does, over the connection the heartbeats use.
/// </summary>
internal sealed class Observer : IDisposable
{
    private readonly ActorSystem _system;
    private readonly IActorRef _adapters;
    private int _unreachable;

    public Observer(string coordinator)
    {
        var security = RemotingSecurity.For();
        var hocon = ConfigurationFactory.ParseString($"""
            akka.cluster.roles = ["observer"]
            akka.cluster.failure-detector.implementation-class = "{typeof(HeartbeatGauge).FullName}, {typeof(HeartbeatGauge).Assembly.GetName().Name}"
            """).WithFallback(HoconLayers.For("node", HoconLayers.Membership(0, standby: false) + security.Hocon)).WithFallback(ClusterSingleton.DefaultConfig());
        _system = ActorSystem.Create(ClusterNames.System, security.Setup(hocon));
        Cluster.Get(_system).JoinSeedNodes([Address.Parse(coordinator)]);
        _system.ActorOf(Props.Create(() => new Reachability(() => Interlocked.Increment(ref _unreachable))));
        var run = _system.ActorOf(ClusterSingletonProxy.Props(ClusterNames.SingletonPath, ClusterSingletonProxySettings.Create(_system).WithRole("coordinator").WithSingletonName("run")));
        _adapters = _system.ActorOf(Props.Create(() => new AdapterFetcher(run)));
    }

    /// <summary>How often any member held another for unreachable.</summary>
    public int Unreachable => Volatile.Read(ref _unreachable);

    public void Fetch(string hash, long bytes) => _adapters.Tell(new AdapterFetcher.NeedAdapter(new BlobRef(new BlobHash(hash), bytes)));

    public void Dispose() => _system.Terminate().Wait(TimeSpan.FromSeconds(10));

    private sealed class Reachability : ReceiveActor
    {
        public Reachability(Action unreachable)
        {
            Cluster.Get(Context.System).Subscribe(Self, ClusterEvent.SubscriptionInitialStateMode.InitialStateAsEvents, typeof(ClusterEvent.UnreachableMember));
            Receive<ClusterEvent.UnreachableMember>(_ => unreachable());
        }
    }
}
