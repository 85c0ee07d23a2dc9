using Akka.Actor;
using Akka.Cluster.Tools.Singleton;
using AlignProp.GpuNode.Compute;
using AlignProp.Messages;

namespace AlignProp.GpuNode;

/// <summary>One node: presents itself to the coordinator and runs a worker for each of its devices.</summary>
public sealed class NodeActor : ReceiveActor, IWithTimers
{
    private readonly NodeId _node;
    private readonly IReadOnlyDictionary<DeviceId, Func<IShardComputer>> _computers;
    private readonly Action<int, string> _exit;
    private readonly IActorRef _coordinator;
    private readonly List<IActorRef> _workers = [];

    /// <param name="computers">How to make each device's computer; a worker that is restarted makes a new one.</param>
    /// <param name="exit">Called once with an exit code and why.</param>
    public NodeActor(NodeId node, IReadOnlyDictionary<DeviceId, Func<IShardComputer>> computers, Action<int, string> exit)
    {
        (_node, _computers, _exit) = (node, computers, exit);
        _coordinator = Context.ActorOf(ClusterSingletonProxy.Props(ClusterNames.SingletonPath,
            ClusterSingletonProxySettings.Create(Context.System).WithRole("coordinator").WithSingletonName("run")), "coordinator");
        Receive<SayHello>(_ => _coordinator.Tell(new NodeHello(_node, [.. _computers.Keys], ClusterNames.Version)));
        Receive<NodeWelcome>(_ => OnWelcome());
        Receive<NodeRefused>(refused => _exit(3, $"refused by the coordinator: {refused.Reason}"));
        Receive<RunOver>(over => _exit(0, $"the run is over: {over.Reason}"));
        Receive<Drain>(_ => OnDrain());
        Receive<Terminated>(terminated =>
        {
            _workers.Remove(terminated.ActorRef);
            if (_workers.Count == 0)
            {
                _exit(0, "drained");
            }
        });
    }

    public ITimerScheduler Timers { get; set; } = null!;

    /// <summary>Finish what is being computed, take nothing new, then exit 0.</summary>
    public sealed record Drain : INoSerializationVerificationNeeded;

    private sealed record SayHello : INoSerializationVerificationNeeded;

    protected override void PreStart()
    {
        Self.Tell(new SayHello());
        Timers.StartPeriodicTimer("hello", new SayHello(), TimeSpan.FromSeconds(3));
    }

    private void OnWelcome()
    {
        Timers.Cancel("hello");
        if (_workers.Count > 0)
        {
            return;
        }
        foreach (var (device, computer) in _computers)
        {
            var worker = Context.ActorOf(Props.Create(() => new DeviceWorkerActor(device, _node, computer, _coordinator)), device.Value.Replace('/', '-').Replace(':', '-'));
            Context.Watch(worker);
            _workers.Add(worker);
        }
    }

    private void OnDrain()
    {
        _coordinator.Tell(new NodeLeaving(_node));
        if (_workers.Count == 0)
        {
            _exit(0, "drained");
        }
        foreach (var worker in _workers)
        {
            worker.Tell(new Drain());
        }
    }
}
