using Akka.Actor;
using Akka.TestKit;
using Akka.TestKit.Xunit2;
using AlignProp.Clustering;
using AlignProp.Coordinator.Runs;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Tests.Runs.Actors;

/// <summary>
/// A <see cref="ShardDispatcher"/> between a run and devices that are probes; time passes only by <see cref="Advance"/>.
/// </summary>
public abstract class DispatcherKit : TestKit
{
    private const string Hocon = """
        akka.loglevel = WARNING
        akka.test { single-expect-default = 60s, default-timeout = 60s }
        akka.scheduler.implementation = "Akka.TestKit.TestScheduler, Akka.TestKit"
        """;
    /// <summary>Of the work's round, in every lease.</summary>
    protected const string Trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    protected DispatcherKit() : base(Hocon)
    {
        Setup = ActorSetup.Make(Record, new SchedulerClock(Time));
        Trained = Started.Prepare(new RunState(), Setup).Trained;
        Run = CreateTestProbe("run");
        Dispatcher = Run.ChildActorOf(ShardDispatcher.Props(Setup), "shards");
    }

    private protected Record Record { get; } = new();

    private protected RunSetup Setup { get; }

    private protected TrainedAdapter Trained { get; }

    /// <summary>The dispatcher's parent, in the run actor's place.</summary>
    private protected TestProbe Run { get; }

    private protected IActorRef Dispatcher { get; }

    private TestScheduler Time => (TestScheduler)Sys.Scheduler;

    /// <summary>Orders the work of a training step.</summary>
    private protected RoundWork Order(int step = 1, int shards = 4, bool handIn = false)
    {
        List<Shard> some = [.. Setup.Planner.Train(step, new RunState())!.Take(shards)];
        var leases = new LeaseTable(some, Setup.Leases, "life-1");
        var work = RoundWork.Of(some, new RoundSetting(Trained.Weights, BlobRef.Of(Trained.Bytes), leases, Time.Now, []));
        Tell(new ComputeShards(work, Trained.Bytes, handIn, new TraceLink(Trace, Setup.Run, step)), Run);
        return work;
    }

    private protected FakeDevice Device(string name) => new(this, DeviceId.Parse($"{name}/cpu:0"));

    private protected void Tell(object message, TestProbe from)
    {
        Dispatcher.Tell(message, from);
        Settle();
    }

    private protected void Advance(double seconds)
    {
        Time.Advance(TimeSpan.FromSeconds(seconds));
        Settle();
    }

    /// <summary>Returns when the dispatcher has done what it was told: a question is answered after that.</summary>
    private protected DrainReply Settle() =>
        Dispatcher.Ask<DrainReply>(new DrainNode(new NodeId("nobody")), Patience).GetAwaiter().GetResult();

    /// <summary>The next message of a type; others before it are skipped.</summary>
    private protected static T Next<T>(TestProbe probe) => (T)probe.FishForMessage(m => m is T, Patience);

    /// <summary>A device of a node of its own. Says what devices say, one thing at a time.</summary>
    private protected sealed class FakeDevice(DispatcherKit kit, DeviceId id)
    {
        public DeviceId Id => id;

        public TestProbe Worker { get; private set; } = kit.CreateTestProbe();

        /// <summary>The device comes back as another worker.</summary>
        public void Restart() => Worker = kit.CreateTestProbe();

        /// <summary>Asks for work; returns the answer.</summary>
        public object Ask(params IReadOnlyList<ShardKey> held)
        {
            while (Worker.HasMessages)
            {
                Worker.ReceiveOne(TimeSpan.Zero);
            }
            Say(new RequestWork(id, id.Node, held));
            return Worker.ReceiveOne(Patience);
        }

        public ShardLease Lease(params IReadOnlyList<ShardKey> held) => Assert.IsType<ShardLease>(Ask(held));

        /// <summary>The lease it is sent without asking again.</summary>
        public ShardLease Sent() => Next<ShardLease>(Worker);

        public void Progress(ShardLease lease, double fraction) =>
            Say(new ShardProgress(lease.Lease, id, lease.Key, "sample", fraction));

        public void Fail(ShardLease lease) => Say(new ShardFailed(lease.Lease, id, lease.Key, "out of memory"));

        public byte[] Gradient(ShardKey key) => ActorSetup.Gradient(kit.Trained.Weights, key).Serialize();

        public ShardDone Announce(LeaseId lease, ShardKey key, byte[]? payload = null)
        {
            var done = ActorSetup.Done(lease, id, key, payload ?? Gradient(key));
            Say(done);
            return done;
        }

        /// <summary>Announces a result, sends its bytes when they are asked for, and returns the answer.</summary>
        public ShardAcknowledged HandIn(ShardLease lease, byte[]? payload = null, byte[]? sent = null)
        {
            var done = Announce(lease.Lease, lease.Key, payload);
            return Serve(done, sent ?? payload ?? Gradient(lease.Key));
        }

        /// <summary>Answers the questions for one result's bytes until the result is acknowledged.</summary>
        public ShardAcknowledged Serve(ShardDone done, byte[] payload)
        {
            var fetch = Next<FetchChunk>(Worker);
            Assert.Equal(done.Payload.Hash, fetch.Hash);
            Worker.Reply(BlobTransfer.Answer(fetch, payload));
            var answer = Next<ShardAcknowledged>(Worker);
            kit.Settle();
            return answer;
        }

        public void Say(object message) => kit.Tell(message, Worker);
    }

    private sealed class SchedulerClock(TestScheduler scheduler) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => scheduler.Now;
    }
}
