using Akka.Actor;
using Akka.Event;
using Akka.Remote;
using AlignProp.Clustering;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Runs;

/// <summary>
/// Everything between the run and its devices: who they are, which shard each computes, whose result is fetched next. Knows
/// nothing of the journal: it is given one step's work after the other. It is Waiting, Working, Over or Dismissed.
/// </summary>
internal sealed class ShardDispatcher : ReceiveActor, IWithTimers
{
    private static readonly TimeSpan TickInterval = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan AlonePatience = TimeSpan.FromSeconds(10);

    private readonly RunSetup _setup;
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly DeviceRoster _devices = new();
    private readonly ResultFetcher _results = new(Context);
    private ComputeShards? _newest;

    private DateTimeOffset? _aloneSince;
    private bool _toldAlone;

    public ShardDispatcher(RunSetup setup)
    {
        _setup = setup;
        Waiting();
    }

    public ITimerScheduler Timers { get; set; } = null!;

    public static Props Props(RunSetup setup) => Akka.Actor.Props.Create(() => new ShardDispatcher(setup));

    protected override void PreStart()
    {
        // A killed process closes its connections at once, long before membership gives it up.
        Context.System.EventStream.Subscribe(Self, typeof(DisassociatedEvent));
    }

    protected override void PostStop() => Context.System.EventStream.Unsubscribe(Self);

    /// <summary>Before the first step of this coordinator, or between two.</summary>
    private void Waiting()
    {
        WithoutWork();
        Receive<ComputeShards>(Begin);
        Receive<FinishRun>(Finish);
        Receive<Dismiss>(_ => Become(Dismissed));
        // The next step may want it: the device says it again, and does not throw it away.
        Receive<ShardDone>(_ => { });
    }

    /// <summary>One step's work is being computed.</summary>
    private void Working(WorkDesk desk)
    {
        Always();
        Receive<FinishRun>(Finish);
        Receive<Dismiss>(_ => Conclude(Dismissed));
        Receive<RequestWork>(request =>
        {
            OnRequest(request);
            desk.Ask(request);
        });
        Receive<ShardProgress>(progress => desk.Wants(progress.Key), progress =>
        {
            See(progress.Device);
            desk.Progress(progress);
        });
        Receive<ShardDone>(done => !desk.Wants(done.Key), Unwanted);
        Receive<ShardDone>(done =>
        {
            See(done.Device);
            desk.Announce(done, Sender);
        });
        Receive<ShardFailed>(failed =>
        {
            OnFailed(failed);
            Conclude(desk.Fail(failed));
        });
        Receive<ResultArriving>(desk.Arriving);
        Receive<ResultReceived>(result =>
        {
            _results.Ended(result.Done.Lease);
            Conclude(desk.Take(result));
        });
        Receive<Terminated>(gone => desk.Release(Report(_devices.Gone(gone.ActorRef), NodeState.Lost)));
        Receive<DisassociatedEvent>(broken => desk.Release(Report(_devices.CutOff(broken.RemoteAddress), NodeState.CutOff)));
        Receive<Tick>(_ =>
        {
            desk.Tick();
            LookForDevices();
        });
    }

    /// <summary>The run has ended: whoever asks is told, and may exit.</summary>
    private void Over(RunOver over)
    {
        Always();
        Receive<RequestWork>(_ => Sender.Tell(over));
        Receive<ShardDone>(Unwanted);
        Receive<ShardFailed>(OnFailed);
        Receive<ResultReceived>(Late);
        Receive<Terminated>(gone => _devices.Gone(gone.ActorRef));
        Receive<DisassociatedEvent>(broken => _devices.CutOff(broken.RemoteAddress));
    }

    /// <summary>The run stopped where another coordinator may go on: devices stay, and wait for it.</summary>
    private void Dismissed()
    {
        WithoutWork();
        Receive<ShardDone>(Unwanted);
    }

    private void WithoutWork()
    {
        Always();
        Receive<RequestWork>(request =>
        {
            OnRequest(request);
            Sender.Tell(_devices.Park(request.Device));
        });
        Receive<ShardFailed>(OnFailed);
        Receive<ResultReceived>(Late);
        Receive<Terminated>(gone => Report(_devices.Gone(gone.ActorRef), NodeState.Lost));
        Receive<DisassociatedEvent>(broken => Report(_devices.CutOff(broken.RemoteAddress), NodeState.CutOff));
    }

    /// <summary>In every state: who is there, and the newest adapters for whoever fetches them.</summary>
    private void Always()
    {
        Receive<NodeHello>(OnHello);
        Receive<NodeUnfit>(OnUnfit);
        Receive<NodeLeaving>(leaving => Leave(leaving.Node));
        Receive<DrainNode>(OnDrain);
        Receive<FetchChunk>(OnFetch);
    }

    private void Begin(ComputeShards order)
    {
        _results.Clear();
        _newest = order;
        var desk = new WorkDesk(order, _setup, _devices, _results, _log);
        Timers.StartPeriodicTimer(nameof(Tick), Tick.Instance, TickInterval);
        Become(() => Working(desk));
        desk.Open();
        LookForDevices();
    }

    /// <summary>Work waits for devices, and for a while there has been none: said once, until one is there.</summary>
    private void LookForDevices()
    {
        var now = _setup.Clock.GetUtcNow();
        if (_devices.Workers.Any() || _devices.Nodes.Count > 0)
        {
            (_aloneSince, _toldAlone) = (null, false);
            return;
        }
        _aloneSince ??= now;
        if (!_toldAlone && now - _aloneSince >= AlonePatience)
        {
            _toldAlone = true;
            _setup.Progress.Report(new RunNotice("no device: waiting for nodes; alignprop nodes --start starts local ones again, "
                + $"on another machine: AlignProp.GpuNode run --coordinator {_setup.Leadership.Host} --devices all",
                NoticeKind.NoDevice));
        }
    }

    private void Conclude(IWorkEnd? end)
    {
        if (end is not null)
        {
            Context.Parent.Tell(end);
            Conclude(end is ShardsComputed ? Waiting : Dismissed);
        }
    }

    private void Conclude(Action next)
    {
        Timers.Cancel(nameof(Tick));
        Become(next);
    }

    private void Finish(FinishRun finish)
    {
        foreach (var worker in _devices.Workers)
        {
            worker.Tell(finish.Over);
        }
        Conclude(() => Over(finish.Over));
    }

    private void OnHello(NodeHello hello)
    {
        if (hello.Version != _setup.Version)
        {
            var reason = $"node {hello.Node} runs version {hello.Version}, the coordinator {_setup.Version}";
            Sender.Tell(new NodeRefused(reason));
            _setup.Progress.Report(new NodeChanged(hello.Node, NodeState.Refused, reason));
            return;
        }
        // Said again and again until the node works: a message may be lost.
        Sender.Tell(new NodeWelcome(_setup.Run, _setup.Description));
        if (_devices.Joined(hello.Node, Sender, hello.Devices))
        {
            Context.Watch(Sender);
            _setup.Progress.Report(new NodeChanged(hello.Node, NodeState.Joined, string.Join(", ", hello.Devices),
                hello.Devices));
        }
    }

    private void OnUnfit(NodeUnfit unfit)
    {
        _devices.Unfit(unfit.Node);
        _setup.Progress.Report(new NodeChanged(unfit.Node, NodeState.Refused, unfit.Reason));
    }

    private void Leave(NodeId node)
    {
        if (_devices.Leaving(node))
        {
            _setup.Progress.Report(new NodeChanged(node, NodeState.Leaving, "finishes its shard"));
        }
    }

    private void OnDrain(DrainNode drain)
    {
        if (_devices.ActorOf(drain.Node) is { } node)
        {
            node.Tell(drain);
            // Its own word comes by way of the run's actor, which may be writing: its devices' end can come first.
            Leave(drain.Node);
            Sender.Tell(new DrainReply(true, $"{drain.Node} finishes its shard and leaves"));
            return;
        }
        var known = string.Join(", ", _devices.Nodes.Select(n => n.Value).Order());
        Sender.Tell(new DrainReply(false, $"{drain.Node}: no such node; nodes: {known}"));
    }

    private void OnRequest(RequestWork request)
    {
        See(request.Device);
        _setup.Progress.Report(new DeviceHeard(request.Device, null));
    }

    private void OnFailed(ShardFailed failed)
    {
        Sender.Tell(new ShardAcknowledged(failed.Lease, false, "noted"));
        See(failed.Device);
    }

    private void See(DeviceId device)
    {
        if (_devices.Seen(device, Sender, _setup.Clock.GetUtcNow()))
        {
            Context.Watch(Sender);
        }
    }

    private void Unwanted(ShardDone done) =>
        Sender.Tell(new ShardAcknowledged(done.Lease, false, "already done, or of another step"));

    /// <summary>A result that was still being fetched when its step was complete without it.</summary>
    private void Late(ResultReceived result)
    {
        _results.Ended(result.Done.Lease);
        result.Worker.Tell(new ShardAcknowledged(result.Done.Lease, false, "already done"));
    }

    private void OnFetch(FetchChunk fetch)
    {
        var answer = BlobTransfer.Answer(fetch, _newest?.Blob(fetch.Hash));
        Sender.Tell(answer);
        if (answer is BlobChunk chunk)
        {
            _setup.Progress.Report(new ChunkSent(chunk.Data.Length));
        }
    }

    private IReadOnlyList<DeviceId> Report(IReadOnlyList<DeviceId> gone, NodeState how)
    {
        foreach (var device in gone)
        {
            _results.Stop(device);
            var (state, detail) = _devices.IsLeaving(device) ? (NodeState.Left, "drained") : (how, "its shards are leased again");
            _setup.Progress.Report(new DeviceChanged(device, state, detail));
        }
        return gone;
    }

    private sealed record Tick : INoSerializationVerificationNeeded
    {
        public static Tick Instance { get; } = new();
    }
}
