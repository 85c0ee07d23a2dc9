using AlignProp.Messages.Configuration;
using Google.Protobuf;
using P = AlignProp.Messages.Protocol;

namespace AlignProp.Messages;

/// <summary>The registered messages: records on one side, protobuf on the other.</summary>
internal static class Codecs
{
    public static IReadOnlyList<Codec> All { get; } =
    [
        Of<NodeHello, P.NodeHello>("hello", P.NodeHello.Parser,
            m => new P.NodeHello { Node = m.Node.Value, Devices = { m.Devices.Select(d => d.Value) }, Version = m.Version },
            p => new NodeHello(new(p.Node), [.. p.Devices.Select(DeviceId.Parse)], p.Version)),
        Of<NodeWelcome, P.NodeWelcome>("welcome", P.NodeWelcome.Parser,
            m => new P.NodeWelcome { Run = m.Run.Value, RunFile = m.Description.Text,
                Files = { m.Description.Files.Select(Write) } },
            p => new NodeWelcome(new(p.Run), new RunDescription(p.RunFile, [.. p.Files.Select(Read)]))),
        Of<NodeRefused, P.NodeRefused>("refused", P.NodeRefused.Parser, m => new P.NodeRefused { Reason = m.Reason },
            p => new NodeRefused(p.Reason)),
        Of<NodeUnfit, P.NodeUnfit>("unfit", P.NodeUnfit.Parser,
            m => new P.NodeUnfit { Node = m.Node.Value, Reason = m.Reason }, p => new NodeUnfit(new(p.Node), p.Reason)),
        Of<RequestWork, P.RequestWork>("request", P.RequestWork.Parser,
            m => new P.RequestWork { Device = m.Device.Value, Node = m.Node.Value, Held = { m.Held.Select(Write) } },
            p => new RequestWork(DeviceId.Parse(p.Device), new(p.Node), [.. p.Held.Select(Read)])),
        Of<NoWork, P.NoWork>("nowork", P.NoWork.Parser, m => new P.NoWork { Reason = m.Reason }, p => new NoWork(p.Reason)),
        Of<ShardLease, P.ShardLease>("lease", P.ShardLease.Parser,
            m => new P.ShardLease { Lease = m.Lease.Value, Shard = Write(m.Shard), Adapter = Write(m.Adapter), Trace = m.Trace,
                Behaviour = m.Behaviour is { } behaviour ? Write(behaviour) : null },
            p => new ShardLease(new(p.Lease), Read(p.Shard), Read(p.Adapter), p.Trace,
                p.Behaviour is { } behaviour ? Read(behaviour) : null)),
        Of<ShardProgress, P.ShardProgress>("progress", P.ShardProgress.Parser,
            m => new P.ShardProgress { Lease = m.Lease.Value, Device = m.Device.Value, Key = Write(m.Key), Phase = m.Phase,
                Fraction = m.Fraction },
            p => new ShardProgress(new(p.Lease), DeviceId.Parse(p.Device), Read(p.Key), p.Phase, p.Fraction)),
        Of<ShardDone, P.ShardDone>("done", P.ShardDone.Parser,
            m => new P.ShardDone
            {
                Lease = m.Lease.Value,
                Device = m.Device.Value,
                Key = Write(m.Key),
                Rewards = { m.Rewards },
                Loss = m.Loss,
                Payload = Write(m.Payload),
                SamplingSeconds = m.Seconds.Sampling,
                ScoringSeconds = m.Seconds.Scoring,
                BackwardSeconds = m.Seconds.Backward,
                PeakMemory = m.PeakMemory,
                Terms = { m.Terms ?? [] },
            },
            p => new ShardDone(new(p.Lease), DeviceId.Parse(p.Device), Read(p.Key), [.. p.Rewards], p.Loss, Read(p.Payload),
                new(p.SamplingSeconds, p.ScoringSeconds, p.BackwardSeconds), p.PeakMemory, [.. p.Terms])),
        Of<ShardFailed, P.ShardFailed>("failed", P.ShardFailed.Parser,
            m => new P.ShardFailed { Lease = m.Lease.Value, Device = m.Device.Value, Key = Write(m.Key), Error = m.Error },
            p => new ShardFailed(new(p.Lease), DeviceId.Parse(p.Device), Read(p.Key), p.Error)),
        Of<ShardAcknowledged, P.ShardAcknowledged>("ack", P.ShardAcknowledged.Parser,
            m => new P.ShardAcknowledged { Lease = m.Lease.Value, Accepted = m.Accepted, Reason = m.Reason },
            p => new ShardAcknowledged(new(p.Lease), p.Accepted, p.Reason)),
        Of<FetchChunk, P.FetchChunk>("fetch", P.FetchChunk.Parser,
            m => new P.FetchChunk { Hash = m.Hash.Value, Index = m.Index }, p => new FetchChunk(Hash(p.Hash), p.Index)),
        Of<BlobChunk, P.BlobChunk>("chunk", P.BlobChunk.Parser,
            m => new P.BlobChunk { Hash = m.Hash.Value, Index = m.Index, Data = UnsafeByteOperations.UnsafeWrap(m.Data) },
            p => new BlobChunk(Hash(p.Hash), p.Index, p.Data.Memory)),
        Of<BlobMissing, P.BlobMissing>("missing", P.BlobMissing.Parser, m => new P.BlobMissing { Hash = m.Hash.Value },
            p => new BlobMissing(Hash(p.Hash))),
        Of<NodeLeaving, P.NodeLeaving>("leaving", P.NodeLeaving.Parser, m => new P.NodeLeaving { Node = m.Node.Value },
            p => new NodeLeaving(new(p.Node))),
        Of<DrainNode, P.DrainNode>("drain", P.DrainNode.Parser, m => new P.DrainNode { Node = m.Node.Value },
            p => new DrainNode(new(p.Node))),
        Of<DrainReply, P.DrainReply>("drainreply", P.DrainReply.Parser,
            m => new P.DrainReply { Found = m.Found, Detail = m.Detail }, p => new DrainReply(p.Found, p.Detail)),
        Of<RunOver, P.RunOver>("over", P.RunOver.Parser, m => new P.RunOver { Reason = m.Reason }, p => new RunOver(p.Reason)),
        Of<CoordinatorElected, P.CoordinatorElected>("e-elected", P.CoordinatorElected.Parser,
            m => new P.CoordinatorElected { Term = m.Term, Life = m.Life, Host = m.Host },
                p => new CoordinatorElected(p.Term, p.Life, p.Host)),
        Of<RunCreated, P.RunCreated>("e-created", P.RunCreated.Parser,
            m => new P.RunCreated
            {
                Run = m.Run.Value,
                Config = m.Config,
                Files = { m.Files.Select(Write) },
                AdapterHash = m.AdapterHash.Value,
                MomentsHash = m.MomentsHash.Value,
            },
            p => new RunCreated(new(p.Run), p.Config, [.. p.Files.Select(Read)], Hash(p.AdapterHash), Hash(p.MomentsHash))),
        Of<StepCommittedEvent, P.StepCommitted>("e-step", P.StepCommitted.Parser,
            m => new P.StepCommitted
            {
                Term = m.Term,
                Step = m.Step,
                AdapterHash = m.AdapterHash.Value,
                MomentsHash = m.MomentsHash.Value,
                RewardMean = m.RewardMean,
                RewardStd = m.RewardStd,
                Loss = m.Loss,
                GradNorm = m.GradNorm,
                Truncations = { m.Truncations },
                Seconds = m.Seconds,
                Terms = { (m.Terms ?? []).Select(Write) },
                Rewards = { m.Rewards ?? [] },
            },
            p => new StepCommittedEvent(p.Term, p.Step, Hash(p.AdapterHash), Hash(p.MomentsHash), p.RewardMean, p.RewardStd,
                p.Loss, p.GradNorm, [.. p.Truncations], p.Seconds,
                [.. p.Terms.Select(Read)], [.. p.Rewards])),
        Of<EvaluationRecorded, P.EvaluationRecorded>("e-evaluation", P.EvaluationRecorded.Parser,
            m => new P.EvaluationRecorded { Step = m.Step, RewardMean = m.RewardMean, RewardStd = m.RewardStd,
                Diversity = m.Diversity, Terms = { (m.Terms ?? []).Select(Write) } },
            p => new EvaluationRecorded(p.Step, p.RewardMean, p.RewardStd, p.Diversity, [.. p.Terms.Select(Read)])),
        Of<RunEnded, P.RunEnded>("e-ended", P.RunEnded.Parser, m => new P.RunEnded { Step = m.Step, Reason = m.Reason },
            p => new RunEnded(p.Step, p.Reason)),
    ];

    private static Codec Of<TMessage, TWire>(string manifest, MessageParser<TWire> parser, Func<TMessage, TWire> write,
        Func<TWire, TMessage> read)
        where TMessage : IAlignPropMessage
        where TWire : IMessage<TWire> =>
        new(manifest, typeof(TMessage), m => write((TMessage)m).ToByteArray(), bytes => read(parser.ParseFrom(bytes)));

    private static P.BlobRef Write(BlobRef b) => new() { Hash = b.Hash.Value, Bytes = b.Bytes };

    /// <summary>Whoever reads it reserves that many bytes: nothing unreasonable gets as far as an actor.</summary>
    private static BlobRef Read(P.BlobRef p) => p.Bytes is > 0 and <= BlobRef.MaxBytes
        ? new BlobRef(Hash(p.Hash), p.Bytes)
        : throw new ArgumentException($"a blob of {p.Bytes} bytes: 1 to {BlobRef.MaxBytes} are accepted");

    private static BlobHash Hash(string text) => new BlobHash(text) is { IsWellFormed: true } hash ? hash
        : throw new ArgumentException("not a SHA-256 in lower-case hex");

    private static P.FileFingerprint Write(FileFingerprint f) =>
        new() { Role = (int)f.Role, Label = f.Label, Path = f.Path, Hash = f.Hash };

    private static FileFingerprint Read(P.FileFingerprint p) => new((FileRole)p.Role, p.Label, p.Path, p.Hash);

    private static P.RewardScore Write(RewardScore s) => new() { Label = s.Label, Mean = s.Mean, Std = s.Std };

    private static RewardScore Read(P.RewardScore p) => new(p.Label, p.Mean, p.Std);

    private static P.ShardKey Write(ShardKey k) => new()
    {
        Run = k.Run.Value,
        Step = k.Step,
        Round = k.Round,
        Index = k.Index,
        AdapterHash = k.AdapterHash.Value,
    };

    private static ShardKey Read(P.ShardKey p) => new(new(p.Run), p.Step, p.Round, p.Index, Hash(p.AdapterHash));

    private static P.Shard Write(Shard s) => new()
    {
        Run = s.Run.Value,
        Step = s.Step,
        Round = s.Round,
        Index = s.Index,
        Task = Write(s.Task),
        Samples = { s.Samples.Select(x =>
            new P.ShardSample { Prompt = x.Prompt, NoiseSeed = x.NoiseSeed, VarianceSeed = x.VarianceSeed }) },
    };

    private static Shard Read(P.Shard p) => new(new(p.Run), p.Step, p.Round, p.Index, Read(p.Task),
        [.. p.Samples.Select(s => new ShardSample(s.Prompt, s.NoiseSeed, s.VarianceSeed))]);

    private static P.ShardTask Write(ShardTask task) => task switch
    {
        ShardTask.Evaluate t => new P.ShardTask { Evaluate = new P.Evaluate { Pictures = t.Pictures } },
        ShardTask.Reparametrized t => new P.ShardTask { Reparametrized = Write(t.Plan) },
        ShardTask.Rollout => new P.ShardTask { Rollout = new P.Rollout() },
        ShardTask.PolicyGradient t => new P.ShardTask
        {
            PolicyGradient = new P.PolicyGradient { Steps = t.Steps, Advantages = { t.Advantages }, ClipRange = t.ClipRange },
        },
        ShardTask.Regression t => new P.ShardTask
        {
            Regression = new P.Regression { Weights = { t.Weights }, Draws = t.Draws, Guided = t.Guided },
        },
        _ => throw new ArgumentException($"{task.GetType().Name} has no wire form"),
    };

    private static ShardTask Read(P.ShardTask p) => p.TaskCase switch
    {
        P.ShardTask.TaskOneofCase.Evaluate => new ShardTask.Evaluate(p.Evaluate.Pictures),
        P.ShardTask.TaskOneofCase.Reparametrized => new ShardTask.Reparametrized(Read(p.Reparametrized)),
        P.ShardTask.TaskOneofCase.Rollout => new ShardTask.Rollout(),
        P.ShardTask.TaskOneofCase.PolicyGradient => new ShardTask.PolicyGradient(
            p.PolicyGradient.Steps, [.. p.PolicyGradient.Advantages], p.PolicyGradient.ClipRange),
        P.ShardTask.TaskOneofCase.Regression => new ShardTask.Regression(
            [.. p.Regression.Weights], p.Regression.Draws, p.Regression.Guided),
        _ => throw new ArgumentException("a shard without a task, or with one of another version"),
    };

    private static P.GradientPlan Write(GradientPlan g) =>
        new() { Stop = g.Stop, Trained = { g.Trained }, ThroughInput = g.ThroughInput, Renoised = g.Renoised };

    private static GradientPlan Read(P.GradientPlan p) => new(p.Stop, StepSet.Of(p.Trained), p.ThroughInput, p.Renoised);
}
