using AlignProp.Coordinator.Methods;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Tests.Methods;

/// <summary>What each method asks of the nodes.</summary>
public sealed class MethodTests
{
    private static readonly RunConfig Config = new()
    {
        Sampling = new() { Steps = 10, Eta = 1 },
        Batch = new() { Size = 4, ShardSize = 2 },
        Reward = new() { Name = "brightness" },
    };

    [Fact]
    public void Draft_trains_the_same_last_steps_everywhere()
    {
        var tasks = First(Config with { Method = "draft", Draft = new() { K = 3 } });
        Assert.All(tasks, t => Assert.Equal(GradientPlan.LastSteps(3, 10), Plan(t)));
        var copies = First(Config with { Method = "draft", Draft = new() { Copies = 2 } });
        Assert.All(copies, t => Assert.Equal(GradientPlan.LastSteps(1, 10) with { Renoised = 2 }, Plan(t)));
    }

    [Fact]
    public void Refl_leaves_the_chain_at_one_of_its_late_steps_all_of_them_in_time()
    {
        var method = MethodCatalog.Of(Config with { Method = "refl", Refl = new() { Late = 3 } });
        var plans = Enumerable.Range(1, 100).SelectMany(step => method.Next(step, Past.None, [])!).Select(Plan).ToList();
        Assert.All(plans, p => Assert.Equal([p.Stop], p.Trained));
        Assert.Equal([7, 8, 9], plans.Select(p => p.Stop).Distinct().Order());
    }

    [Fact]
    public void Drtune_trains_evenly_spaced_steps_of_what_is_run_and_stops_the_input()
    {
        var method = MethodCatalog.Of(Config with { Method = "drtune", Drtune = new() { K = 3 } });
        var plans = Enumerable.Range(1, 200).SelectMany(step => method.Next(step, Past.None, [])!).Select(Plan).ToList();
        Assert.All(plans, p =>
        {
            p.RequireFor(10);
            Assert.False(p.ThroughInput);
            Assert.Equal(3, p.Trained.Count);
            Assert.Equal(p.Trained[1] - p.Trained[0], p.Trained[2] - p.Trained[1]);
        });
        Assert.Equal([6, 7, 8, 9], plans.Select(p => p.Stop).Distinct().Order());
        // Early steps and late ones have their turn.
        Assert.Equal(Enumerable.Range(0, 10), plans.SelectMany(p => p.Trained).Distinct().Order());
        Assert.All(First(Config with { Method = "drtune", Drtune = new() { K = 3, EarlyStop = 0 } }),
            t => Assert.Equal(10, Plan(t).Stop));
    }

    [Fact]
    public void Ddpo_samples_and_scores_then_climbs_and_climbs_again_on_the_same_samples()
    {
        var method = MethodCatalog.Of(Config with
        {
            Method = "ddpo",
            Ddpo = new() { InnerEpochs = 2, Statistics = "batch", AdvantageClip = 1, ClipRange = 0.1 },
        });
        Assert.Equal(2, method.StepsPerBatch);
        Assert.Equal([new ShardTask.Rollout(), new ShardTask.Rollout()], method.Next(3, Past.None, [])!);
        var rewards = new RoundResult([0, 0, 0, 4], []);
        var tasks = method.Next(3, Past.None, [rewards])!.Cast<ShardTask.PolicyGradient>().ToList();
        Assert.Equal(2, tasks.Count);
        Assert.All(tasks, t => Assert.Equal((10, 0.1), (t.Steps, t.ClipRange)));
        var deviation = Math.Sqrt(3);
        Assert.Equal([-1 / deviation, -1 / deviation, -1 / deviation, 1], tasks.SelectMany(t => t.Advantages)
            .Select(a => (double)a), (a, b) => Math.Abs(a - b) < 1e-6);
        Assert.Null(method.Next(3, Past.None, [rewards, new RoundResult([], [])]));
        // The second step on these samples has the first one's rewards from the journal.
        var again = method.Next(4, new Past { [3] = rewards.Rewards }, [])!.Cast<ShardTask.PolicyGradient>();
        Assert.Equal(tasks.SelectMany(t => t.Advantages), again.SelectMany(t => t.Advantages));
        Assert.Null(method.Next(4, new Past { [3] = rewards.Rewards }, [new RoundResult([], [])]));
    }

    [Fact]
    public void Ddpo_compares_a_reward_with_those_its_prompt_had_before()
    {
        var method = MethodCatalog.Of(Config with { Method = "ddpo", Ddpo = new() { MinCount = 3, Buffer = 4 } });
        var past = new Past { [1] = [1, 1, 1, 1], [2] = [3, 3, 3, 3] };
        var tasks = method.Next(3, past, [new RoundResult([5, 5, 5, 5], [])])!.Cast<ShardTask.PolicyGradient>();
        // Two prompts, each twice a batch: of the last four rewards the mean is 4, the deviation 1.
        Assert.All(tasks.SelectMany(t => t.Advantages), a => Assert.Equal(1, a, 5));
    }

    [Fact]
    public void Rwr_weighs_its_samples_in_as_many_passes_as_asked()
    {
        var method = MethodCatalog.Of(Config with { Method = "rwr", Rwr = new() { Passes = 3, Draws = 5, Weights = "sparse" } });
        Assert.Equal(3, method.StepsPerBatch);
        var tasks = method.Next(1, Past.None, [new RoundResult([1, 2, 3, 4], [])])!.Cast<ShardTask.Regression>().ToList();
        Assert.Equal([0f, 0f, 2f, 2f], tasks.SelectMany(t => t.Weights));
        Assert.All(tasks, t => Assert.Equal((5, false), (t.Draws, t.Guided)));
        Assert.Equal(tasks.SelectMany(t => t.Weights), method.Next(2, new Past { [1] = [1, 2, 3, 4] }, [])!
            .Cast<ShardTask.Regression>().SelectMany(t => t.Weights));
    }

    [Fact]
    public void None_has_nothing_to_train()
    {
        var method = MethodCatalog.Of(Config with { Method = "none" });
        Assert.False(method.Trains);
        Assert.Null(method.Next(1, Past.None, []));
    }

    [Theory]
    [InlineData("drafft",
        "method = drafft: expected one of alignprop, draft, refl, drtune, ddpo, rwr, none; did you mean draft?")]
    public void An_unknown_method_is_refused_with_the_nearest_one(string method, string expected) =>
        Refused(Config with { Method = method }, expected);

    [Fact]
    public void What_does_not_fit_a_method_is_named_before_anything_starts()
    {
        Refused(Config with { Method = "draft", Draft = new() { K = 11 } }, "draft.k = 11: expected 1 to sampling.steps = 10");
        Refused(Config with { Method = "draft", Draft = new() { K = 2, Copies = 1 } },
            "draft.copies = 1: expected 0 where draft.k = 2 is not 1");
        Refused(Config with { Method = "refl", Refl = new() { Late = 11 } }, "refl.late = 11: expected 1 to sampling.steps = 10");
        Refused(Config with { Method = "drtune", Drtune = new() { K = 8 } },
            "drtune.k = 8: expected 1 to 7, the steps that are run at least of sampling.steps = 10");
        Refused(Config with { Method = "ddpo", Sampling = new() { Steps = 10 } },
            "sampling.eta = 0: expected above 0 (DDPO's own: 1), or sampling.sampler = ancestral, with method = ddpo");
        Refused(Config with { Method = "rwr", Model = new() { Precision = "fp16" } },
            "model.precision = fp16: expected fp32 or bf16 with method = rwr");
    }

    [Fact]
    public void Edict_goes_with_a_deterministic_chain_through_its_last_steps()
    {
        var config = Config with { Memory = "edict", Sampling = new() { Steps = 10 } };
        MethodCatalog.Of(config);
        MethodCatalog.Of(config with { Method = "draft" });
        Refused(config with { Method = "refl" },
            "memory = edict: expected checkpoints with this method: edict goes with alignprop, and draft without copies");
        Refused(config with { Sampling = new() { Steps = 10, Eta = 0.5 } }, "memory = edict: expected checkpoints where steps "
            + "draw noise: edict goes with sampling.sampler = ddim and eta = 0");
        Refused(config with { Regularization = new() { Drift = 1 } },
            "regularization.drift = 1: expected 0 with memory = edict");
        Refused(config with { Model = new() { Precision = "bf16" } }, "model.precision = bf16: expected fp32 with memory = "
            + "edict, which undoes each step but for rounding");
    }

    [Fact]
    public void A_reward_without_a_gradient_is_refused_by_name_where_the_method_needs_one()
    {
        var config = Config with { Reward = new() { Terms = [new() { Name = "brightness" }, new() { Name = "jpeg-bytes" }] } };
        Refused(config, "reward jpeg-bytes has no gradient, and method = alignprop needs one: expected method = ddpo or rwr, "
            + "or another reward");
        MethodCatalog.Of(config with { Method = "ddpo" });
        MethodCatalog.Of(config with { Method = "rwr" });
        MethodCatalog.Of(config with { Method = "none" });
    }

    private static void Refused(RunConfig config, string expected) =>
        Assert.Equal(expected, Assert.Throws<ConfigException>(() => MethodCatalog.Of(config)).Message);

    private static IReadOnlyList<ShardTask> First(RunConfig config) => MethodCatalog.Of(config).Next(1, Past.None, [])!;

    private static GradientPlan Plan(ShardTask task) => Assert.IsType<ShardTask.Reparametrized>(task).Plan;

    /// <summary>Rewards by step; every batch has two prompts in turn.</summary>
    private sealed class Past : Dictionary<int, IReadOnlyList<float>>, IRunPast
    {
        public static Past None { get; } = [];

        public IReadOnlyList<string> Prompts(int step) => ["a", "b", "a", "b"];

        public IReadOnlyList<float> Rewards(int step) => this[step];
    }
}
