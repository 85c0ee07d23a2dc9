using AlignProp.Coordinator.Runs;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Tests.Runs.Actors;

/// <summary>Blobs that are gone are made again, and must be the same.</summary>
public sealed class RunActorRepairTests : RunKit
{
    [Fact]
    public async Task A_step_whose_blobs_are_gone_is_computed_again_and_with_the_same_hash_the_run_goes_on()
    {
        await DamagedAsync();
        Start();
        Compute(Ordered(2));
        await Record.Until(e => e is RunNotice { Kind: NoticeKind.Repair, Text: "step 2 is whole again, with the same hash" });
        Assert.True(Store.Has(Last.AdapterHash));
        Assert.Equal(Last.AdapterHash, Ordered(2, evaluation: true).Work.Blob.Hash);
        Assert.Equal(2, Journaled.Events.OfType<StepCommittedEvent>().Count());
    }

    [Fact]
    public async Task A_step_that_comes_out_with_another_hash_fails_the_run()
    {
        await DamagedAsync();
        Start();
        Compute(Ordered(2), off: 1);
        var error = (await FailedAsync()).Error;
        Assert.StartsWith("step 2 computed again has adapter ", error);
        Assert.Contains($", the journal {Last.AdapterHash}: the model's files, the prompts or the kind of device", error);
        Next<Dismiss>();
    }

    [Fact]
    public async Task Shards_that_fail_in_a_repair_fail_the_run()
    {
        await DamagedAsync();
        Start();
        Ordered(2);
        Shards.Reply(new ShardsFailed("no device"));
        Assert.Equal("no device", (await FailedAsync()).Error);
    }

    [Fact]
    public async Task Adapter_0_is_made_again()
    {
        Start();
        var blob = Ordered(0, evaluation: true).Work.Blob;
        await KillAsync();
        Store.Delete([blob.Hash]);
        Start();
        Assert.Equal(blob, Ordered(0, evaluation: true).Work.Blob);
        var notice = Record.All<RunNotice>().Single(n => n.Kind == NoticeKind.Repair);
        Assert.StartsWith("made adapter 0 again, with the same hash", notice.Text);
        Assert.True(Store.Has(blob.Hash));
    }

    [Fact]
    public async Task A_run_that_lost_the_step_before_it_too_fails()
    {
        await DamagedAsync();
        Store.Delete([Journaled.Events.OfType<StepCommittedEvent>().First().AdapterHash]);
        Start();
        Assert.EndsWith("the blob is missing", (await FailedAsync()).Error);
    }

    private StepCommittedEvent Last => Journaled.Events.OfType<StepCommittedEvent>().Last();

    /// <summary>Two steps are committed, and the second one's adapter is lost.</summary>
    private async Task DamagedAsync()
    {
        Start();
        await CommitAsync(2);
        await KillAsync();
        Store.Delete([Last.AdapterHash]);
    }
}
