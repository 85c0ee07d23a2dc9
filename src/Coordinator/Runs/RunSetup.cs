using System.Text;
using Akka.Actor;
using AlignProp.Adapters;
using AlignProp.Coordinator.Configuration;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Runs;

/// <summary>What a run actor is given: the run's fixed description and its surroundings.</summary>
/// <param name="LeaseSilence">A device that reports nothing for this long loses its lease.</param>
public sealed record RunSetup(RunId Run, RunConfig Config, string ConfigText, ShardSettings Settings, ShardPlanner Planner,
    IReadOnlyList<(string Module, int In, int Out)> Layout, IAdapterStore Store, IProgress<RunProgress> Progress, string Version, TimeSpan LeaseSilence);

/// <summary>The run is ready: adapter and moments are loaded, or made for a new run.</summary>
internal sealed record Started(LoraWeights Adapter, AdamWState Moments, byte[] AdapterBytes, RunCreated? Created) : INoSerializationVerificationNeeded
{
    public static Started Prepare(RunState state, RunSetup setup)
    {
        if (state.Created is not null)
        {
            var bytes = setup.Store.Get(state.Adapter);
            return new Started(LoraWeights.Deserialize(bytes), AdamWState.Deserialize(setup.Store.Get(state.Moments)), bytes, null);
        }
        var adapter = LoraInitializer.Gaussian(setup.Layout, setup.Config.Lora.Rank, Seeds.Derive(setup.Config.Seed, 0, 0, "lora"), setup.Config.Lora.Alpha);
        var moments = AdamWState.Zero(adapter);
        var adapterBytes = adapter.Serialize();
        return new Started(adapter, moments, adapterBytes, new RunCreated(
            setup.Run, setup.ConfigText, setup.Settings, setup.Store.Put(adapterBytes).Hash, setup.Store.Put(moments.Serialize()).Hash));
    }
}

/// <summary>The next adapter, durable in the store and ready to be committed.</summary>
internal sealed record StepComputed(StepCommittedEvent Event, LoraWeights Adapter, AdamWState Moments, byte[] AdapterBytes) : INoSerializationVerificationNeeded
{
    public static StepComputed Of(RunSetup setup, StepWork work, LoraWeights adapter, AdamWState moments)
    {
        var (next, state, norm) = StepComputation.Next(setup.Config.Optimizer, adapter, moments, work.MeanGradient());
        var bytes = next.Serialize();
        var (mean, std) = Statistics.MeanAndStd(work.Rewards.ToList());
        var committed = new StepCommittedEvent(work.Step, setup.Store.Put(bytes).Hash, setup.Store.Put(state.Serialize()).Hash,
            mean, std, work.Loss, norm, work.Truncations, (DateTimeOffset.UtcNow - work.Started).TotalSeconds);
        return new StepComputed(committed, next, state, bytes);
    }
}

/// <summary>The results of an evaluation as one event.</summary>
internal static class EvaluationSummary
{
    public static EvaluationFinished Of(StepWork work, IReadOnlyList<(string Prompt, bool HeldOut, ulong Seed)> samples)
    {
        var rewards = work.Rewards;
        var features = work.Evaluations.SelectMany(e => e.Features).ToList();
        var images = work.Evaluations.SelectMany(e => e.Images.Select(i => Png.Encode(i, e.Width, e.Height))).ToList();
        var held = Enumerable.Range(0, samples.Count).Where(i => samples[i].HeldOut).ToList();
        var (mean, std) = Statistics.MeanAndStd(held.Select(i => rewards[i]).ToList());
        var diversity = Statistics.Diversity(held.Select(i => (samples[i].Prompt, features[i])).ToList());
        return new EvaluationFinished(work.Step, 0, mean, std, diversity,
            images.Select((png, i) => new EvaluatedSample(samples[i].Prompt, samples[i].HeldOut, samples[i].Seed, rewards[i], png)).ToList());
    }
}
