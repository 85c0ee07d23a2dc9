using AlignProp.Coordinator.Runs;
using AlignProp.Coordinator.Storage;
using AlignProp.Coordinator.Tests.Runs;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Tests;

public sealed class PlannerTests : IDisposable
{
    private readonly TestRuns _runs = new();

    public void Dispose() => _runs.Dispose();

    [Fact]
    public void A_step_is_the_same_whoever_plans_it()
    {
        var (first, second) = (Planner(_runs.Config()), Planner(_runs.Config()));
        second.Train(5, new RunState());
        Assert.Equivalent(first.Train(3, new RunState()), second.Train(3, new RunState()), strict: true);
    }

    [Fact]
    public void Every_training_prompt_is_used_once_before_any_is_used_again()
    {
        var prompts = Enumerable.Range(1, 5).SelectMany(s => Planner(_runs.Config()).Train(s, new RunState())!)
            .SelectMany(s => s.Samples).Select(s => s.Prompt).ToList();
        foreach (var pass in prompts.Chunk(TestRuns.Training.Length))
        {
            Assert.Equal(TestRuns.Training.Order(), pass.Order());
        }
    }

    [Fact]
    public void Seeds_never_repeat_and_K_covers_one_to_N()
    {
        var shards = Enumerable.Range(1, 200).SelectMany(s => Planner(_runs.Config()).Train(s, new RunState())!).ToList();
        var seeds = shards.SelectMany(s => s.Samples).Select(s => s.NoiseSeed).ToList();
        Assert.Equal(seeds.Count, seeds.Distinct().Count());
        Assert.Equal(Enumerable.Range(1, 10), shards.Select(s => s.Task.RecomputedSteps).Distinct().Order());
    }

    [Theory]
    [InlineData("full", 10, 10)]
    [InlineData("fixed", 3, 3)]
    [InlineData("gaussian", 1, 9)]
    public void Every_truncation_strategy_stays_in_its_range(string strategy, int least, int most)
    {
        var config = _runs.Config() with { Truncation = new TruncationConfig { Strategy = strategy, K = 3, Mean = 5, Std = 3 } };
        Assert.All(Enumerable.Range(1, 50).SelectMany(s => Planner(config).Train(s, new RunState())!),
            s => Assert.InRange(s.Task.RecomputedSteps, least, most));
    }

    [Fact]
    public void An_evaluation_repeats_the_same_seeds_at_every_step()
    {
        var planner = Planner(_runs.Config());
        Assert.Equal(planner.Evaluate(0).SelectMany(s => s.Samples), planner.Evaluate(9).SelectMany(s => s.Samples));
        // Two held-out prompts, two seeds each, and one pictured training prompt.
        Assert.Equal(5, planner.EvaluationSamples().Count);
        Assert.Equal(5, planner.EvaluationSamples().Distinct().Count());
    }

    private static ShardPlanner Planner(RunConfig config) => new(new RunId("r"), config, TestRuns.Training, TestRuns.HeldOut);
}

public class LeaseTableTests
{
    private static readonly DateTimeOffset Start = DateTimeOffset.UnixEpoch;
    private static readonly LeaseRules Rules = new(TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(600));
    private static readonly DeviceId A = DeviceId.Parse("a/cpu:0"), B = DeviceId.Parse("b/cpu:0"), C = DeviceId.Parse("c/cpu:0");
    private readonly LeaseTable _table = new([Shard(0), Shard(1)], Rules, "t");

    [Fact]
    public void A_silent_device_loses_its_lease_and_a_reporting_one_keeps_it()
    {
        var (first, second) = (_table.Acquire(A, Start)!, _table.Acquire(B, Start)!);
        _table.Renew(second.Id, 0.5, Start.AddSeconds(50));
        Assert.Equal([first.Id], _table.Expire(Start.AddSeconds(70)).Select(l => l.Id));
        Assert.Equal(0, _table.Acquire(C, Start.AddSeconds(71))!.Shard.Index);
    }

    [Fact]
    public void A_device_that_asks_twice_gets_the_same_lease()
    {
        var lease = _table.Acquire(A, Start)!;
        Assert.Equal(lease.Id, _table.Acquire(A, Start.AddSeconds(1))!.Id);
        Assert.Equal(1, _table.Acquire(B, Start)!.Shard.Index);
    }

    [Fact]
    public void A_lost_device_frees_its_shard_at_once()
    {
        _table.Acquire(A, Start);
        Assert.Single(_table.Release(A));
        Assert.Equal(0, _table.Acquire(B, Start)!.Shard.Index);
    }

    [Fact]
    public void The_first_result_counts_and_the_second_does_not()
    {
        _table.Acquire(A, Start);
        Assert.True(_table.Complete(0, Start));
        Assert.False(_table.Complete(0, Start));
        Assert.Equal(1, _table.Done);
    }

    [Fact]
    public void An_idle_device_repeats_a_shard_that_takes_far_longer_than_the_others()
    {
        _table.Acquire(A, Start);
        _table.Acquire(B, Start);
        _table.Complete(0, Start.AddSeconds(10));
        Assert.Null(_table.Acquire(A, Start.AddSeconds(15)));
        Assert.Equal(1, _table.Acquire(A, Start.AddSeconds(25))!.Shard.Index);
        Assert.Null(_table.Acquire(C, Start.AddSeconds(26)));
    }

    [Fact]
    public void A_shard_goes_first_to_a_device_it_has_not_failed_on_and_failures_are_counted_by_device()
    {
        var lease = _table.Acquire(A, Start)!;
        Assert.Equal([A], _table.Fail(lease.Id, 0, A));
        Assert.Equal(1, _table.Acquire(A, Start)!.Shard.Index);
        Assert.Equal([A, B], _table.Fail(_table.Acquire(B, Start)!.Id, 0, B));
    }

    [Fact]
    public void A_shard_that_stands_still_is_leased_again_though_its_device_reports()
    {
        var lease = _table.Acquire(A, Start)!;
        for (var s = 0; s <= 650; s += 10)
        {
            _table.Renew(lease.Id, 0.5, Start.AddSeconds(s));
        }
        Assert.Equal([lease.Id], _table.Expire(Start.AddSeconds(651)).Select(l => l.Id));
    }

    [Fact]
    public void A_lease_of_a_former_coordinator_is_taken_over()
    {
        _table.Adopt(new LeaseId("old"), 0, A, 0.3, Start);
        Assert.Equal("old", _table.Acquire(A, Start)!.Id.Value);
        Assert.Equal(1, _table.Acquire(B, Start)!.Shard.Index);
        _table.Complete(0, Start);
        _table.Adopt(new LeaseId("late"), 0, C, 1, Start);
        Assert.Null(_table.HeldBy(C));
    }

    [Fact]
    public void A_device_whose_result_waits_to_be_fetched_gets_another_shard_and_nobody_repeats_the_computed_one()
    {
        _table.Acquire(A, Start);
        _table.Computed(0, A, Start.AddSeconds(1));
        Assert.Null(_table.HeldBy(A));
        Assert.True(_table.Has(A, 0));
        Assert.Equal(1, _table.Acquire(A, Start.AddSeconds(1))!.Shard.Index);
        _table.Complete(1, Start.AddSeconds(2));
        Assert.Null(_table.Acquire(B, Start.AddSeconds(50)));
    }

    private static Shard Shard(int index) =>
        new(new RunId("r"), 1, 0, index, new ShardTask.Evaluate(false), [new ShardSample("p", 1, 1)]);
}

public class StoppingRulesTests
{
    private static readonly StoppingConfig Off = new() { MinDiversity = 0 };

    [Fact]
    public void Nothing_stops_a_run_before_its_last_step() => Assert.Null(StoppingRules.Reason(Off, 9, 10, At(1, 1)));

    [Fact]
    public void The_last_step_does() => Assert.Contains("all 10 steps", StoppingRules.Reason(Off, 10, 10, At(1, 1)));

    [Fact]
    public void A_reached_target_does() =>
        Assert.Contains("target", StoppingRules.Reason(Off with { TargetReward = 2 }, 1, 10, At(1, 2)));

    [Fact]
    public void A_plateau_does_and_a_rise_does_not()
    {
        var rules = Off with { PlateauEpochs = 2, PlateauDelta = 0.1 };
        Assert.Contains("plateau", StoppingRules.Reason(rules, 1, 10, At(1, 2, 2.05, 2.0)));
        Assert.Null(StoppingRules.Reason(rules, 1, 10, At(1, 2, 2.05, 2.2)));
        Assert.Null(StoppingRules.Reason(rules, 1, 10, At(1, 2)));
    }

    [Fact]
    public void Pictures_that_become_alike_do()
    {
        var rules = Off with { MinDiversity = 0.5 };
        EvaluationRecorded[] collapsed = [new(0, 1, 0, 0.8), new(5, 3, 0, 0.39)];
        Assert.Contains("collapse", StoppingRules.Reason(rules, 1, 10, collapsed));
        Assert.Null(StoppingRules.Reason(rules, 1, 10, [collapsed[0], collapsed[1] with { Diversity = 0.41 }]));
    }

    private static EvaluationRecorded[] At(params double[] rewards) =>
        [.. rewards.Select((r, i) => new EvaluationRecorded(i, r, 0, 1))];
}

public sealed class StoreAndStateTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("alignprop-store-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_damaged_or_missing_blob_is_never_read()
    {
        var store = new DirectoryAdapterStore(_folder);
        var blob = store.Put([1, 2, 3]);
        Assert.Equal([1, 2, 3], store.Get(blob.Hash));
        File.WriteAllBytes(Directory.EnumerateFiles(_folder).Single(), [1, 2]);
        Assert.Contains("truncated or damaged", Assert.Throws<InvalidDataException>(() => store.Get(blob.Hash)).Message);
        Assert.Equal([1, 2, 3], store.Get(store.Put([1, 2, 3]).Hash));
        store.Delete([blob.Hash]);
        Assert.Contains("missing", Assert.Throws<InvalidDataException>(() => store.Get(blob.Hash)).Message);
    }

    [Fact]
    public void A_journal_that_skips_or_repeats_a_step_is_refused()
    {
        var state = new RunState().Apply(new CoordinatorElected(1, "life", "host")).Apply(Step(1));
        Assert.Equal(1, state.Step);
        Assert.Throws<InvalidDataException>(() => state.Apply(Step(1)));
        Assert.Throws<InvalidDataException>(() => state.Apply(Step(3)));
    }

    [Fact]
    public void A_step_of_a_deposed_coordinator_is_refused()
    {
        var state = new RunState().Apply(new CoordinatorElected(1, "old", "host"))
            .Apply(new CoordinatorElected(2, "new", "host"));
        Assert.Throws<InvalidDataException>(() => state.Apply(Step(1)));
        Assert.Equal(1, state.Apply(Step(1) with { Term = 2 }).Step);
        Assert.Throws<InvalidDataException>(() => state.Apply(new CoordinatorElected(2, "other", "host")));
    }

    [Fact]
    public void The_newest_two_steps_and_the_milestones_are_kept()
    {
        var state = new RunState().Apply(new CoordinatorElected(1, "life", "host"))
            .Apply(new RunCreated(new("r"), "", [], new("a0"), new("m0"))).Apply(Step(1))
                .Apply(new EvaluationRecorded(1, 0, 0, 0)).Apply(Step(2));
        Assert.Equal(["a0", "m0"], state.Superseded.Select(h => h.Value));
        state = state.Apply(Step(3));
        // Adapter 1 is a milestone; its moments are of no more use.
        Assert.Equal(["m1"], state.Superseded.Select(h => h.Value));
        Assert.Equal((new BlobHash("a2"), new BlobHash("m2")), state.Before);
        Assert.Equal(["a2", "m2"], state.Apply(Step(4)).Superseded.Select(h => h.Value));
    }

    [Fact]
    public void The_adapter_that_made_a_batchs_samples_is_kept_until_the_batchs_last_step_is_superseded()
    {
        var state = new RunState { StepsPerBatch = 3 }.Apply(new CoordinatorElected(1, "life", "host"))
            .Apply(new RunCreated(new("r"), "", [], new("a0"), new("m0")));
        var gone = new List<string>();
        for (var step = 1; step <= 5; step++)
        {
            Assert.Equal(new BlobHash(step <= 3 ? "a0" : "a3"), state.Behaviour(step));
            state = state.Apply(Step(step));
            gone.AddRange(state.Superseded.Select(h => h.Value));
        }
        Assert.Equal(["m0", "a1", "m1", "a2", "m2", "a0", "m3"], gone);
        // Its samples' rewards are there for the steps after.
        Assert.Equal([1f, 2f], state.Apply(Step(6) with { Rewards = [1, 2] }).Steps[5].Scored.Rewards);
    }

    private static StepCommittedEvent Step(int step) => new(1, step, new($"a{step}"), new($"m{step}"), 0, 0, 0, 0, [1], 1);

    [Fact]
    public void Diversity_is_zero_when_every_prompt_shows_the_same()
    {
        float[] x = [1, 0], y = [0, 1];
        Assert.Equal(0, Statistics.Diversity([("a", x), ("b", x)]));
        Assert.Equal(1, Statistics.Diversity([("a", x), ("b", y)]));
        // Two seeds of one prompt may be alike: only different prompts are compared.
        Assert.Equal(1, Statistics.Diversity([("a", x), ("a", x), ("b", y)]));
    }
}
