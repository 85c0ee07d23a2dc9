using Akka.Actor;
using AlignProp.Adapters;
using AlignProp.Coordinator.Storage;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Runs;

/// <summary>What a run actor is given: the run's fixed description and its surroundings.</summary>
public sealed record RunSetup(RunId Run, RunConfig Config, string ConfigText, RunDescription Description, ShardPlanner Planner,
    AdapterSites Layout, IAdapterStore Store, IProgress<RunProgress> Progress, string Version, LeaseRules Leases,
    Leadership Leadership, RunSteering Steering, TimeProvider Clock);

/// <summary>
/// One actor system's part in leading a run; a system that has led and finds another one elected steps back for good.
/// </summary>
/// <param name="life">One id an actor system.</param>
/// <param name="host">Where it listens, for people.</param>
public sealed class Leadership(string life, string host)
{
    public string Life { get; } = life;

    public string Host { get; } = host;

    public bool Led { get; set; }

    /// <summary>The last step that was committed while this one led.</summary>
    public int Step { get; set; }

    /// <summary>
    /// Why this one leads no more, although nobody else does; its actor may be started again, and must not begin.
    /// </summary>
    public string? Failure { get; set; }

    public bool IsDeposed(CoordinatorElected? newest) => Led && newest?.Life != Life;
}

/// <summary>What a step moves: the adapter, AdamW's moments, and the adapter as nodes fetch it.</summary>
internal sealed record TrainedAdapter(LoraWeights Weights, AdamWState Moments, byte[] Bytes);

/// <summary>The run is ready: adapter and moments are loaded, or made for a new run.</summary>
/// <param name="Repair">
/// The blobs of the last step were damaged: these are the ones before it, and the step is computed again.
/// </param>
/// <param name="Behaviour">What makes the samples of the next step, or of the one that is computed again.</param>
internal sealed record Started(TrainedAdapter Trained, RunCreated? Created, string? Repair, byte[]? Behaviour = null)
    : INoSerializationVerificationNeeded
{
    /// <exception cref="InvalidDataException">The blobs of the last step and those before it are missing or damaged.</exception>
    public static Started Prepare(RunState state, RunSetup setup)
    {
        setup.Store.Delete(state.Superseded);
        if (state.Created is null)
        {
            return Fresh(setup);
        }
        try
        {
            return Load(state.Adapter, state.Moments, state.Behaviour(state.Step + 1), setup.Store, null);
        }
        catch (InvalidDataException e) when (state.Before is { } before)
        {
            return LoadBefore(before, state.Behaviour(state.Step), setup.Store, e.Message);
        }
        catch (InvalidDataException e) when (state.Step == 0 && Fresh(setup) is { Created: { } created } again
            && created.AdapterHash == state.Adapter && created.MomentsHash == state.Moments)
        {
            setup.Progress.Report(new RunNotice($"made adapter 0 again, with the same hash: {e.Message}", NoticeKind.Repair));
            return again with { Created = null };
        }
    }

    /// <exception cref="InvalidDataException">These are damaged as well; names them all.</exception>
    private static Started LoadBefore((BlobHash Adapter, BlobHash Moments) before, BlobHash behaviour, IAdapterStore store,
        string damage)
    {
        try
        {
            return Load(before.Adapter, before.Moments, behaviour, store, damage);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{damage}; {e.Message}", e);
        }
    }

    /// <exception cref="InvalidDataException">Some are missing or damaged; names all of them.</exception>
    private static byte[][] Read(IAdapterStore store, params BlobHash[] hashes)
    {
        var (found, damage) = (new List<byte[]>(), new List<string>());
        foreach (var hash in hashes)
        {
            try
            {
                found.Add(store.Get(hash));
            }
            catch (InvalidDataException e)
            {
                damage.Add(e.Message);
            }
        }
        return damage.Count == 0 ? [.. found] : throw new InvalidDataException(string.Join("; ", damage));
    }

    private static Started Load(BlobHash adapter, BlobHash moments, BlobHash behaviour, IAdapterStore store, string? repair)
    {
        var bytes = Read(store, behaviour == adapter ? [adapter, moments] : [adapter, moments, behaviour]);
        var trained = new TrainedAdapter(LoraWeights.Deserialize(bytes[0]), AdamWState.Deserialize(bytes[1]), bytes[0]);
        return new Started(trained, null, repair, behaviour == adapter ? bytes[0] : bytes[2]);
    }

    private static Started Fresh(RunSetup setup)
    {
        var (adapter, _) = StartingAdapter.Make(setup.Config, setup.Layout);
        var moments = AdamWState.Zero(adapter);
        var adapterBytes = adapter.Serialize();
        return new Started(new TrainedAdapter(adapter, moments, adapterBytes), new RunCreated(
            setup.Run, setup.ConfigText, setup.Description.Files, setup.Store.Put(adapterBytes).Hash,
                setup.Store.Put(moments.Serialize()).Hash), null, adapterBytes);
    }
}

/// <summary>The next adapter, durable in the store and ready to be committed.</summary>
internal sealed record StepComputed(StepCommittedEvent Event, TrainedAdapter Trained) : INoSerializationVerificationNeeded
{
    /// <param name="rewards">Of the step's samples.</param>
    /// <param name="terms">Likewise.</param>
    public static StepComputed Of(RunSetup setup, int term, GradientRound work, TrainedAdapter trained,
        IReadOnlyList<float> rewards, IReadOnlyList<RewardScore> terms)
    {
        var gradient = work.MeanGradient();
        RunProof.RequireGradient(setup.Config, work.Step, gradient);
        var (next, state, norm) = StepComputation.Next(setup.Config.Optimizer, trained.Weights, trained.Moments, gradient);
        var bytes = next.Serialize();
        var (mean, std) = Statistics.MeanAndStd(rewards);
        var committed = new StepCommittedEvent(term, work.Step, setup.Store.Put(bytes).Hash,
            setup.Store.Put(state.Serialize()).Hash,
            mean, std, work.Loss, norm, work.Truncations, (setup.Clock.GetUtcNow() - work.Started).TotalSeconds,
            terms, rewards);
        return new StepComputed(committed, new TrainedAdapter(next, state, bytes));
    }
}

/// <summary>The results of an evaluation as one event.</summary>
internal static class EvaluationSummary
{
    public static EvaluationFinished Of(EvaluationRound work, IReadOnlyList<(string Prompt, bool HeldOut, ulong Seed)> samples)
    {
        var rewards = work.Rewards;
        var features = work.Payloads.SelectMany(e => e.Features).ToList();
        var images = work.Payloads.SelectMany(e => e.Images.Select(i => new RgbImage(i, e.Width, e.Height))).ToList();
        var held = Enumerable.Range(0, samples.Count).Where(i => samples[i].HeldOut).ToList();
        var (mean, std) = Statistics.MeanAndStd(held.Select(i => rewards[i]).ToList());
        var diversity = Statistics.Diversity(held.Select(i => (samples[i].Prompt, features[i])).ToList());
        return new EvaluationFinished(work.Step, 0, mean, std, diversity,
            images.Select((image, i) => new EvaluatedSample(samples[i].Prompt, samples[i].HeldOut, samples[i].Seed, rewards[i],
                image)).ToList(), work.TermsOf(held));
    }
}
