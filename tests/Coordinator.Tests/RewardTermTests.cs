using AlignProp.Adapters;
using AlignProp.Coordinator.Configuration;
using AlignProp.Coordinator.Runs;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;
using AlignProp.Reports;

namespace AlignProp.Coordinator.Tests;

/// <summary>Weighted sums of rewards: how a run file says them, how they travel, and how each term is logged apart.</summary>
public sealed class RewardTermTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("alignprop-terms-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_run_file_lists_terms_and_rewards_that_are_only_evaluated()
    {
        var config = Load("""
            run.reward.terms = [
              { name = preference, path = "models/emoji-preference", weight = -0.5, mean = 1.5, std = 4 }
              { name = concept-removal, path = "x", words = ["a book", "a \"magazine\""] }
            ]
            run.evaluation.rewards = [ { name = compressibility, quality = 75 } ]
            """);
        var (first, second) = (config.Reward.Sum[0], config.Reward.Sum[1]);
        Assert.Equal(("preference", -0.5, 1.5, 4.0), (first.Name, first.Weight, first.Mean, first.Std));
        Assert.True(File.Exists(Path.Combine(first.Path, "config.json")));
        Assert.Equal(["a book", "a \"magazine\""], second.Words);
        Assert.Equal((1.0, 0.0, 1.0, 90), (second.Weight, second.Mean, second.Std, second.Quality));
        Assert.Equal(("compressibility", 75), (config.Evaluation.Rewards.Single().Name, config.Evaluation.Rewards[0].Quality));
        Assert.Equal("-0.5 preference + concept-removal", config.Reward.Summary);
        Assert.Equivalent(config, Load(RunFileWriter.Render(config)), strict: true);
    }

    [Fact]
    public void The_one_reward_is_a_sum_of_one_and_takes_a_file_by_its_name()
    {
        var config = Load("run.reward { name = \"torchscript:/models/mine.pt\", sign = -1 }");
        Assert.Equivalent(new RewardTermConfig { Name = "torchscript", Path = "/models/mine.pt", Weight = -1 },
            config.Reward.Sum.Single());
        Assert.Equal("/t.pt", Load("run.reward.terms = [ { name = \"torchscript:/t.pt\" } ]").Reward.Sum.Single().Path);
        var overridden = RunFile.Load("emoji-preference", ["reward.terms=[ { name = colourfulness, weight = 2 } ]"]);
        Assert.Equal(2, overridden.Reward.Sum.Single().Weight);
    }

    [Theory]
    [InlineData("run.reward.terms = preference", "reward.terms = preference: expected a list")]
    [InlineData("run.reward.terms = [ preference ]", "reward.terms[0] = preference: expected an object")]
    [InlineData("run.reward.terms = [ { nam = preference } ]", "unknown key reward.terms[0].nam; did you mean name?")]
    [InlineData("run.reward.terms = [ { weight = 1 } ]", "reward.terms[0].name is missing")]
    [InlineData("run.reward.terms = [ { name = hps, weight = heavy } ]", "reward.terms[0].weight = heavy: expected a number")]
    [InlineData("run.reward.terms = [ { name = hps, std = 0 } ]", "reward.terms[0].std = 0: expected a number")]
    [InlineData("run.reward.terms = [ { name = count, words = book } ]", "reward.terms[0].words = book: expected a list")]
    [InlineData("run.evaluation.rewards = [ { name = compressibility, quality = 101 } ]",
        "evaluation.rewards[0].quality = 101: expected a whole number, 1 to 100")]
    [InlineData("run.reward.quality = 0", "reward.quality = 0: expected a whole number, 1 to 100")]
    public void A_wrong_term_is_a_clear_error(string text, string expected)
    {
        var error = Assert.Throws<ConfigException>(() => Load(text));
        Assert.Contains(expected, error.Message);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Theory]
    [InlineData("run.reward.name = preferense", "reward.name = preferense: expected one of aesthetic, brightness")]
    [InlineData("run.reward.terms = [ { name = hps, path = no-such-folder } ]",
        "config.json: file not found (reward.terms[0].path)")]
    [InlineData("run.reward { name = count, path = \"models/emoji-clip\" }", "reward.words is empty: count needs")]
    [InlineData("run.reward.name = \"torchscript:none.pt\"", "none.pt: file not found")]
    [InlineData("run.evaluation.rewards = [ { name = nothing } ]", "evaluation.rewards[0].name = nothing")]
    public void Files_and_names_are_checked_before_a_run_starts(string text, string expected) =>
        Assert.Contains(expected, Assert.Throws<ConfigException>(() => ModelFolderCheck.Rewards(Load(text))).Message);

    [Fact]
    public void Terms_have_labels_of_their_own_full_paths_and_fingerprints()
    {
        var config = Load("""
            run.reward.terms = [
              { name = jpeg-size, path = "models/emoji-jpeg-size" }
              { name = colourfulness, path = "not looked at" }
              { name = colourfulness }
            ]
            run.evaluation.rewards = [ { name = colourfulness }, { name = symmetry } ]
            """);
        Assert.Equal(["jpeg-size", "colourfulness", "colourfulness-2", "colourfulness-3", "symmetry"], RewardLabels.Of(config));
        var run = RunFingerprints.Describe(config);
        var reward = run.Files.Single(f => f.Role == FileRole.Reward);
        Assert.Equal(("jpeg-size", RewardFingerprint.Of(reward.Path)), (reward.Label, reward.Hash));
        Assert.All(run.Files, f => Assert.True(Path.IsPathFullyQualified(f.Path)));
        Assert.Equal(reward.Path, run.Config.Reward.Sum[0].Path);
    }

    [Fact]
    public void The_terms_of_a_step_are_its_samples_in_shard_order()
    {
        var work = Work("a", "b");
        Assert.Null(Take(work, 1, [5, 6], [50, 60, 500, 600]));
        Assert.Null(Take(work, 0, [1, 2], [10, 20, 100, 200]));
        Assert.Equal([new RewardScore("a", 35, Math.Sqrt(425)), new RewardScore("b", 350, Math.Sqrt(42500))],
            work.TermsOf(Enumerable.Range(0, 4)));
        Assert.Equal([new RewardScore("a", 30, 20), new RewardScore("b", 300, 200)], work.TermsOf([0, 2]));
    }

    [Theory]
    [InlineData(new float[0])]
    [InlineData(new[] { 1f, 2f, 3f })]
    [InlineData(new[] { 1f, 2f, 3f, float.NaN })]
    public void A_result_without_all_terms_is_refused(float[] terms) =>
        Assert.Equal("expected 2 finite values of each of 2 terms", Take(Work("a", "b"), 0, [1, 2], terms));

    [Fact]
    public void Metrics_have_each_term_by_name()
    {
        var path = Path.Combine(_folder, "metrics.jsonl");
        MetricsLog.Append(path,
            MetricsLine.Of(new EvaluationFinished(0, 0, 1, 2, 3, [],
            [new RewardScore("preference", 0.5, 0.25), new RewardScore("symmetry", 0.75, 0.125)]))!);
        Assert.Contains("""
            "rewards":{"preference":{"mean":0.5,"std":0.25},"symmetry":{"mean":0.75,"std":0.125}}
            """.Trim(), File.ReadAllText(path));
        Assert.Equal(0.75, MetricsLog.Read(path).Single().Rewards!["symmetry"].Mean);
    }

    private static RoundWork Work(params IReadOnlyList<string> labels)
    {
        var adapter = new LoraWeights(1, 1,
            [new LoraTensor("m.lora_A.weight", [1, 1], [0]), new LoraTensor("m.lora_B.weight", [1, 1], [0])]);
        var shards = Enumerable.Range(0, 2)
            .Select(i => new Shard(new RunId("r"), 1, 0, i, new ShardTask.Evaluate(false),
            [new ShardSample("x", 1, 1), new ShardSample("y", 2, 2)])).ToList();
        var leases = new LeaseTable(shards, new LeaseRules(TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(60)), "test");
        return RoundWork.Of(shards,
            new RoundSetting(adapter, BlobRef.Of(adapter.Serialize()), leases, DateTimeOffset.UnixEpoch, labels));
    }

    private static string? Take(RoundWork work, int index, float[] rewards, float[] terms) =>
        work.Take(new ShardDone(new LeaseId("l"), DeviceId.Parse("d/cpu:0"),
            new ShardKey(new RunId("r"), 1, 0, index, work.Blob.Hash), rewards, 0, new BlobRef(work.Blob.Hash, 1), default, 0,
            terms),
            new EvaluationPayload([[1], [1]], [], 0, 0));

    private RunConfig Load(string text)
    {
        var path = Path.Combine(_folder, $"{Guid.NewGuid():N}.conf");
        File.WriteAllText(path, text);
        return RunFile.Load(path, []);
    }
}
