using Akka.Actor;
using Akka.Cluster;
using Akka.Remote;
using AlignProp.Clustering;
using AlignProp.GpuNode.Compute;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.GpuNode;

/// <summary>
/// One node: presents itself to the coordinator, checks that it is fit, and runs a worker for each of its devices.
/// </summary>
public sealed class NodeActor : ReceiveActor, IWithTimers
{
    private static readonly TimeSpan Hello = TimeSpan.FromSeconds(2);

    private readonly NodeId _node;
    private readonly IReadOnlyList<ComputeDevice> _devices;
    private readonly Func<RunDescription, string?> _unfit;
    private readonly Action<NodeExit> _exit;
    private readonly TimeSpan _patience;
    private readonly bool _lone;
    private readonly IActorRef _coordinator;
    private readonly IActorRef _adapters;
    private readonly List<IActorRef> _workers = [];
    private NodeWelcome? _run;
    private DateTime _coordinatorSeen = DateTime.UtcNow;

    /// <param name="unfit">
    /// Why this node cannot take part in a run with these settings, or null; heavy, run beside the actor.
    /// </param>
    /// <param name="patience">Without a coordinator in the cluster for this long, the node joins anew.</param>
    /// <param name="exit">Called with why the node leaves the cluster.</param>
    /// <param name="lone">There is one coordinator, and no standby.</param>
    public NodeActor(NodeId node, IReadOnlyList<ComputeDevice> devices, Func<RunDescription, string?> unfit, TimeSpan patience,
        bool lone, Action<NodeExit> exit)
    {
        (_node, _devices, _unfit, _patience, _lone, _exit) = (node, devices, unfit, patience, lone, exit);
        _coordinator = Context.ActorOf(RunSingleton.Proxy(Context.System), "coordinator");
        _adapters = Context.ActorOf(Props.Create(() => new AdapterFetcher(_coordinator)), "adapters");
        Receive<Tick>(_ => OnTick());
        Receive<NodeWelcome>(OnWelcome);
        Receive<Checked>(OnChecked);
        Receive<NodeRefused>(refused => _exit(new NodeExit(NodeExit.Refused, $"refused by the coordinator: {refused.Reason}")));
        Receive<RunOver>(over => _exit(new NodeExit(0, $"the run is over: {over.Reason}")));
        Receive<Drain>(_ => OnDrain());
        Receive<DrainNode>(_ => OnDrain());
        Receive<DisassociatedEvent>(OnDisassociated);
        Receive<Terminated>(terminated =>
        {
            _workers.Remove(terminated.ActorRef);
            if (_workers.Count == 0)
            {
                _exit(new NodeExit(0, "drained"));
            }
        });
    }

    public ITimerScheduler Timers { get; set; } = null!;

    /// <summary>Finish what is being computed, take nothing new, then exit 0.</summary>
    public sealed record Drain : INoSerializationVerificationNeeded;

    private sealed record Tick : INoSerializationVerificationNeeded;

    private sealed record Checked(string? Unfit) : INoSerializationVerificationNeeded;

    protected override void PreStart()
    {
        Context.System.EventStream.Subscribe(Self, typeof(DisassociatedEvent));
        Self.Tell(new Tick());
        Timers.StartPeriodicTimer("tick", new Tick(), Hello);
    }

    private void OnTick()
    {
        // Said again and again: a coordinator that took over knows its nodes at once.
        _coordinator.Tell(new NodeHello(_node, [.. _devices.Select(d => d.Id)], ClusterNames.Version));
        var state = Cluster.Get(Context.System).State;
        if (state.Members.Any(m => m.Status == MemberStatus.Up && m.HasRole("coordinator") && !state.Unreachable.Contains(m)))
        {
            _coordinatorSeen = DateTime.UtcNow;
        }
        else if (DateTime.UtcNow - _coordinatorSeen > _patience)
        {
            _exit(new NodeExit(NodeExit.Rejoin, $"no coordinator for {_patience.TotalSeconds:F0} s"));
        }
    }

    /// <summary>
    /// A lone coordinator's process ended: nobody takes over, so the node is there when it comes back. With a standby the cluster
    /// decides.
    /// </summary>
    private void OnDisassociated(DisassociatedEvent broken)
    {
        if (_lone && Cluster.Get(Context.System)
            .State.Members.Any(m => m.HasRole("coordinator") && m.Address.Equals(broken.RemoteAddress)))
        {
            _exit(new NodeExit(NodeExit.Rejoin, "the connection to the coordinator broke"));
        }
    }

    private void OnWelcome(NodeWelcome welcome)
    {
        if (_run is { } run)
        {
            if (run.Run != welcome.Run)
            {
                _exit(new NodeExit(NodeExit.Rejoin, $"another run is led here now: {welcome.Run}"));
            }
            return;
        }
        _run = welcome;
        var unfit = _unfit;
        Task.Run(() => unfit(welcome.Description))
            .PipeTo(Self, Self, reason => new Checked(reason), error => new Checked(error.Message));
    }

    private void OnChecked(Checked result)
    {
        if (result.Unfit is { } reason)
        {
            _coordinator.Tell(new NodeUnfit(_node, reason));
            _exit(new NodeExit(NodeExit.Refused, reason));
            return;
        }
        var run = _run!.Description;
        foreach (var device in _devices)
        {
            var name = $"{device.Id.Device.Kind}-{device.Id.Device.Index}";
            var worker = Context.ActorOf(Props.Create(() => new DeviceWorkerActor(device, _node, run, _coordinator, _adapters)),
                name);
            Context.Watch(worker);
            _workers.Add(worker);
        }
    }

    private void OnDrain()
    {
        _coordinator.Tell(new NodeLeaving(_node));
        if (_workers.Count == 0)
        {
            _exit(new NodeExit(0, "drained"));
        }
        _workers.ForEach(worker => worker.Tell(new Drain()));
    }
}

/// <summary>Why a node leaves the cluster, and the process's exit code.</summary>
public sealed record NodeExit(int Code, string Why)
{
    /// <summary>Refused, or not fit: starting it again would change nothing.</summary>
    public const int Refused = 3;

    /// <summary>Not an exit: the node joins the cluster anew, and keeps what it has computed.</summary>
    public const int Rejoin = -1;
}
