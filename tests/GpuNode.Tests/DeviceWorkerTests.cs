using Akka.Actor;
using Akka.TestKit;
using Akka.TestKit.Xunit2;
using AlignProp.GpuNode.Compute;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.GpuNode.Tests;

/// <summary>What a device says to a coordinator, and when it computes.</summary>
public sealed class DeviceWorkerTests : TestKit
{
    private static readonly DeviceId Device = DeviceId.Parse("node/cpu:0");
    private static readonly BlobHash Adapter = new(new string('a', 64));
    private readonly CountingComputer _computer = new();
    private readonly ComputeDevice _device;
    private readonly TestProbe _coordinator;

    public DeviceWorkerTests()
        : base("akka.test { single-expect-default = 60s, default-timeout = 60s }")
    {
        _device = new ComputeDevice(Device, () => _computer);
        _coordinator = CreateTestProbe();
    }

    protected override void AfterAll()
    {
        base.AfterAll();
        _device.Dispose();
    }

    [Fact]
    public void A_result_that_was_accepted_is_handed_in_again_without_being_computed_again()
    {
        var worker = Start();
        var done = Compute(worker, "first");
        worker.Tell(new ShardAcknowledged(done.Lease, true, ""), _coordinator);
        Expect<RequestWork>(r => r.Held.SequenceEqual([done.Key]));
        // Another coordinator asks: the first one died before the step was committed.
        worker.Tell(Lease("second"), _coordinator);
        Assert.Equal(done, Expect<ShardDone>());
        Assert.Equal(1, _computer.Count);
    }

    [Fact]
    public void A_result_that_was_refused_is_computed_again()
    {
        var worker = Start();
        var refused = Compute(worker, "first");
        worker.Tell(new ShardAcknowledged(refused.Lease, false, "NaN"), _coordinator);
        Expect<RequestWork>(r => r.Held.Count == 0);
        Assert.Equal("second", Compute(worker, "second").Lease.Value);
        Assert.Equal(2, _computer.Count);
    }

    [Fact]
    public void A_drained_device_hands_its_shard_in_and_stops_when_it_is_acknowledged()
    {
        var worker = Start();
        Watch(worker);
        _computer.Gate.Reset();
        worker.Tell(Lease("first"), _coordinator);
        Expect<ShardProgress>();
        worker.Tell(new NodeActor.Drain());
        _computer.Gate.Set();
        var done = Expect<ShardDone>();
        worker.Tell(new ShardAcknowledged(done.Lease, true, ""), _coordinator);
        ExpectTerminated(worker);
        Assert.Equal(1, _computer.Count);
    }

    [Fact]
    public void An_actor_that_follows_another_one_takes_its_shard_over()
    {
        _computer.Gate.Reset();
        var before = Start();
        before.Tell(Lease("first"), _coordinator);
        Expect<ShardProgress>();
        Watch(before);
        Sys.Stop(before);
        ExpectTerminated(before);
        Start();
        _computer.Gate.Set();
        Assert.Equal("first", Expect<ShardDone>().Lease.Value);
        Assert.Equal(1, _computer.Count);
    }

    private IActorRef Start()
    {
        var adapters = Sys.ActorOf(Props.Create(() => new OneAdapter()));
        return Sys.ActorOf(
            Props.Create(() => new DeviceWorkerActor(_device, new NodeId("node"), Run, _coordinator.Ref, adapters)));
    }

    private static readonly RunDescription Run = RunDescription.Of(new RunConfig());

    private ShardDone Compute(IActorRef worker, string lease)
    {
        worker.Tell(Lease(lease), _coordinator);
        return Expect<ShardDone>();
    }

    /// <summary>The next message of a kind: a device also says every second what it waits for.</summary>
    private T Expect<T>(Func<T, bool>? which = null) =>
        (T)_coordinator.FishForMessage(m => m is T t && which?.Invoke(t) != false, TimeSpan.FromSeconds(60));

    private static ShardLease Lease(string id) => new(new LeaseId(id),
        new Shard(new RunId("run"), 1, 0, 0, new ShardTask.Reparametrized(GradientPlan.LastSteps(1, 1)),
        [new ShardSample("a cat", 1, 1)]),
        new BlobRef(Adapter, 1));

    private sealed class OneAdapter : ReceiveActor
    {
        public OneAdapter() => Receive<AdapterFetcher.Need>(need =>
            Sender.Tell(new AdapterFetcher.Adapters(need, new ShardAdapters([]))));
    }

    /// <summary>Computes when its gate is open, and counts.</summary>
    private sealed class CountingComputer : IShardComputer
    {
        public ManualResetEventSlim Gate { get; } = new(true);

        public int Count { get; private set; }

        public ShardOutcome Compute(Shard shard, RunDescription run, ShardAdapters adapters,
            Action<string, double> progress, CancellationToken cancellation)
        {
            Gate.Wait(cancellation);
            Count++;
            return new ShardOutcome([1], 0, [1, 2, 3], default);
        }

        public void Dispose() => Gate.Dispose();
    }
}
