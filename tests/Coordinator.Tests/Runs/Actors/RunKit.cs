using Akka.Actor;
using Akka.Pattern;
using Akka.TestKit;
using Akka.TestKit.Xunit2;
using AlignProp.Adapters;
using AlignProp.Coordinator.Runs;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Tests.Runs.Actors;

/// <summary>A <see cref="RunActor"/> under its supervisor, its journal in memory, a probe in its dispatcher's place.</summary>
public abstract class RunKit(EventLog log) : TestKit(
    $"akka.loglevel = OFF\nakka.test {{ single-expect-default = 60s, default-timeout = 60s }}\n{log.Hocon}")
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    protected RunKit() : this(new EventLog())
    {
    }

    private protected EventLog Journaled { get; } = log;

    private protected Record Record { get; } = new();

    private protected MemoryStore Store { get; } = new();

    private protected ManualClock Clock { get; } = new();

    /// <summary>What the run tells its dispatcher.</summary>
    private protected TestProbe Shards { get; private set; } = null!;

    private protected IActorRef Run { get; private set; } = null!;

    /// <summary>Starts a coordinator of the run, in the place of any before it.</summary>
    private protected void Start(string life = "life", bool reopen = false)
    {
        Shards = CreateTestProbe();
        var (setup, probe) = (ActorSetup.Make(Record, Clock, Store, life, reopen), Shards.Ref);
        var shards = Props.Create(() => new Stand(probe));
        Run = Sys.ActorOf(BackoffSupervisor.Props(Backoff.OnStop(Props.Create(() => new RunActor(setup, shards)), "actor",
            TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(2), 0, -1)));
    }

    private protected Task KillAsync() => Run.GracefulStop(Patience);

    private protected T Next<T>() => (T)Shards.FishForMessage(m => m is T, Patience);

    /// <summary>The next work that is ordered.</summary>
    private protected ComputeShards Ordered(int step, bool evaluation = false)
    {
        var order = Next<ComputeShards>();
        Assert.Equal((step, evaluation), (order.Work.Step, order.Work is EvaluationRound));
        return order;
    }

    /// <summary>Hands in what devices would compute: the same for the same step.</summary>
    /// <param name="reward">Of every sample; null = another one after every step.</param>
    private protected void Compute(ComputeShards order, float off = 0, float? reward = null)
    {
        foreach (var shard in order.Work.Shards)
        {
            var key = new ShardKey(shard.Run, shard.Step, shard.Round, shard.Index, order.Work.Blob.Hash);
            var weights = LoraWeights.Deserialize(order.Adapter);
            var gradient = ActorSetup.Gradient(weights, key);
            object payload = order.Work is EvaluationRound
                ? new EvaluationPayload([.. shard.Samples.Select((_, i) => new float[] { i, 1 - i })], [], 8, 8)
                : gradient.WithValues(gradient.Tensors.Select(t => (t.Name, t.Values.Select(v => v + off).ToArray())));
            float[] rewards = [.. shard.Samples.Select(_ => reward ?? 1 + 0.01f * shard.Step)];
            var done = ActorSetup.Done(new LeaseId("l"), DeviceId.Parse("d/cpu:0"), key, [1]);
            Assert.Null(order.Work.Take(done with { Rewards = rewards, Terms = rewards }, payload));
        }
        Shards.Reply(new ShardsComputed(order.Work));
    }

    /// <summary>Does what the run asks for, up to the commit of a step.</summary>
    private protected async Task CommitAsync(int upTo)
    {
        while (!Record.All<StepCommitted>().Any(s => s.Step == upTo))
        {
            var order = Next<ComputeShards>();
            Compute(order);
            await Record.Until(e => order.Work is EvaluationRound
                ? e is EvaluationFinished evaluated && evaluated.Step == order.Work.Step
                : e is StepCommitted committed && committed.Step == order.Work.Step);
        }
    }

    private protected Task<SteerReply> SteerAsync(Steer what) => Run.Ask<SteerReply>(new SteerRun(what), Patience);

    private protected Task<RunFailed> FailedAsync() => SeenAsync<RunFailed>();

    private protected async Task<T> SeenAsync<T>() where T : RunProgress
    {
        await Record.Until(e => e is T);
        return Record.All<T>().Last();
    }

    protected override void AfterAll()
    {
        base.AfterAll();
        Journaled.Dispose();
    }

    /// <summary>Where the dispatcher would be: passes everything on, as it came.</summary>
    private sealed class Stand(IActorRef probe) : UntypedActor
    {
        protected override void OnReceive(object message)
        {
            if (message is Exception failure)
            {
                throw failure;
            }
            probe.Forward(message);
        }
    }

    private protected sealed class ManualClock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = DateTimeOffset.UnixEpoch;

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
