using AlignProp.Adapters;
using AlignProp.Coordinator.Configuration;
using AlignProp.Coordinator.Runs;
using AlignProp.Coordinator.Storage;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.Cli.Integrity;

/// <summary>Which steps are computed again.</summary>
internal enum ReplayedSteps
{
    None,

    /// <summary>
    /// The first, whose adapter is made of the run file, and the last, before which adapter and moments are kept.
    /// </summary>
    Kept,

    /// <summary>Every one, from the beginning.</summary>
    All,
}

/// <summary>Proof that a run's adapter is what its run file says.</summary>
internal sealed class RunVerifier(RunDirectory directory, IReadOnlyList<DeviceName> devices, Action<Verified> told)
{
    private bool _wrong;

    /// <returns>Whether all that was looked at is right.</returns>
    public async Task<bool> RunAsync(ReplayedSteps steps, CancellationToken cancellation)
    {
        var found = RunInventory.Take(directory);
        if (found.State is not { Created: { } created } state || JournalDamage(found) is not null)
        {
            Tell(new Verified("journal.db", false, JournalDamage(found) ?? "tells of no run yet"));
            return false;
        }
        foreach (var file in new FileVerification(directory, found, state).All())
        {
            cancellation.ThrowIfCancellationRequested();
            Tell(file);
        }
        if (steps != ReplayedSteps.None)
        {
            await StepsAsync(found, created, state, steps == ReplayedSteps.All, cancellation);
        }
        return !_wrong;
    }

    private static string? JournalDamage(RunInventory found) =>
        found.Damage.FirstOrDefault(d => !d.StartsWith("blobs", StringComparison.Ordinal)
            && !d.Contains("commits are lost", StringComparison.Ordinal));

    private async Task StepsAsync(RunInventory found, RunCreated created, RunState state, bool all,
        CancellationToken cancellation)
    {
        var config = RunFile.Parse("the journal's run file", created.Config);
        var adapter = StartingAdapter.Make(config, LoraLayoutReader.Read(config.Model.Path, config.Lora.Targets)).Adapter;
        var (bytes, moments) = (adapter.Serialize(), AdamWState.Zero(adapter).Serialize());
        if (!Same(0, BlobHash.Of(bytes).Value, created.AdapterHash.Value) || state.Step == 0)
        {
            return;
        }
        using var replay = new StepReplay(directory, config, PromptFile.Load("prompts.training", config.Prompts.Training),
            PromptFile.Load("prompts.held-out", config.Prompts.HeldOut), devices, found.Events);
        await ReplayAsync(0, all ? state.Step : 1, [bytes, moments]);
        if (all || state.Step == 1)
        {
            return;
        }
        BlobHash[] kept = state.Before is { } before
            ? [before.Adapter, before.Moments, state.Behaviour(state.Step)] : [];
        if (kept.Length > 0 && kept.All(found.Blobs.IsWhole))
        {
            var store = new DirectoryAdapterStore(directory.Blobs);
            await ReplayAsync(state.Step - 1, state.Step, kept.Distinct().Select(store.Get));
        }
        else
        {
            Tell(new Verified($"step {state.Step}", false, "cannot be computed again: what it was computed from is not whole"));
        }

        async Task ReplayAsync(int after, int last, IEnumerable<byte[]> blobs)
        {
            var hashes = found.Events.OfType<StepCommittedEvent>().ToDictionary(s => s.Step, s => s.AdapterHash.Value);
            var failure = await replay.RunAsync(after, last, blobs,
                (step, hash) => Same(step, hash, hashes.GetValueOrDefault(step, "")), cancellation);
            if (failure is not null)
            {
                Tell(new Verified($"step {after + 1}", false, $"could not be computed again: {failure}"));
            }
        }
    }

    private bool Same(int step, string hash, string journaled)
    {
        var ok = hash == journaled;
        Tell(new Verified($"step {step}", ok, ok ? $"computed again: {hash[..12]}, as the journal says"
            : $"computed again it has adapter {hash[..12]}, the journal says {journaled[..Math.Min(12, journaled.Length)]}"));
        return ok;
    }

    private void Tell(Verified verified)
    {
        _wrong |= !verified.Ok;
        told(verified);
    }
}
