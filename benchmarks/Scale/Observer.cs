using Akka.Actor;
using Akka.Cluster;
using AlignProp.Clustering;
using AlignProp.GpuNode;
using AlignProp.Messages;

namespace AlignProp.Benchmarks.Scale;

/// <summary>
/// A member of the cluster without devices: hears which members become unreachable, measures the heartbeats that reach it, and
/// fetches adapters as a node does, over the connection the heartbeats use.
/// </summary>
internal sealed class Observer : IDisposable
{
    private readonly ClusterMember _member;
    private readonly IActorRef _adapters;
    private int _unreachable;

    public Observer(string coordinator)
    {
        var gauge = $"{typeof(HeartbeatGauge).FullName}, {typeof(HeartbeatGauge).Assembly.GetName().Name}";
        _member = new ClusterMember(new MemberOptions("node", RemotingSecurity.For(), Hocon: $"""
            akka.cluster.roles = ["observer"]
            akka.cluster.failure-detector.implementation-class = "{gauge}"
            """));
        _member.Join([Address.Parse(coordinator)]);
        var system = _member.System;
        system.ActorOf(Props.Create(() => new Reachability(() => Interlocked.Increment(ref _unreachable))));
        var run = system.ActorOf(RunSingleton.Proxy(system));
        _adapters = system.ActorOf(Props.Create(() => new AdapterFetcher(run)));
    }

    /// <summary>How often any member held another for unreachable.</summary>
    public int Unreachable => Volatile.Read(ref _unreachable);

    public void Fetch(string hash, long bytes) =>
        _adapters.Tell(new AdapterFetcher.Need(new BlobRef(new BlobHash(hash), bytes)));

    public void Dispose() => _member.System.Terminate().Wait(TimeSpan.FromSeconds(10));

    private sealed class Reachability : ReceiveActor
    {
        public Reachability(Action unreachable)
        {
            Cluster.Get(Context.System).Subscribe(Self, ClusterEvent.SubscriptionInitialStateMode.InitialStateAsEvents,
                typeof(ClusterEvent.UnreachableMember));
            Receive<ClusterEvent.UnreachableMember>(_ => unreachable());
        }
    }
}
