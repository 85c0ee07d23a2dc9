using AlignProp.Adapters;
using AlignProp.GpuNode.Compute;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.GpuNode.Tests;

/// <summary>A shard is a pure function of model files, adapter and description: checked on the shipped model.</summary>
public sealed class ShardComputerTests : IDisposable
{
    private static readonly string Root = FindRoot();
    private readonly TorchShardComputer _computer = new(Cpu);
    private static readonly DeviceName Cpu = new(DeviceKind.Cpu, 0);
    private readonly RunDescription _run = Run("models/emoji-diffusion");

    public void Dispose() => _computer.Dispose();

    [Fact]
    public void The_same_shard_gives_the_same_bytes_whatever_was_computed_before_and_wherever()
    {
        var adapter = Adapter();
        var first = Compute(_computer, Shard(1, 2), adapter);
        Compute(_computer, Shard(2, 4), adapter);
        var again = Compute(_computer, Shard(1, 2), adapter);
        using var elsewhere = new TorchShardComputer(Cpu);
        var other = Compute(elsewhere, Shard(1, 2), adapter);
        Assert.Equal(first.Payload, again.Payload);
        Assert.Equal(first.Payload, other.Payload);
        Assert.Equal(first.Rewards, other.Rewards);
        var gradient = LoraWeights.Deserialize(first.Payload);
        Assert.Null(gradient.FirstNonFinite);
        Assert.Contains(gradient.Tensors, t => t.Name.EndsWith("lora_B.weight", StringComparison.Ordinal)
            && t.Values.Any(v => v != 0));
    }

    [Fact]
    public async Task Devices_of_one_process_at_work_at_the_same_time_give_the_bytes_of_one_alone()
    {
        var adapter = Adapter();
        byte[][] alone =
            [.. Enumerable.Range(1, 4).Select(step => Compute(_computer, Shard(step, 1 + step % 3), adapter).Payload)];
        ComputeDevice[] devices = [.. Enumerable.Range(0, 2).Select(i => Cpu with { Index = i })
            .Select(d => new ComputeDevice(new DeviceId(new NodeId("node"), d), () => new TorchShardComputer(d)))];
        try
        {
            // Both load their own copy of the model at the same instant, and go on side by side; each computes every shard, in
            // opposite orders.
            var together = await Task.WhenAll(
                devices.Select((device, i) => Task.Run(() => EveryAsync(device, i == 0 ? [1, 2, 3, 4] : [4, 3, 2, 1], adapter))));
            Assert.Equal(alone, together[0]);
            Assert.Equal(alone, together[1]);
        }
        finally
        {
            Array.ForEach(devices, d => d.Dispose());
        }
    }

    [Fact]
    public void A_longer_chain_of_gradients_gives_another_gradient_but_the_same_rewards()
    {
        var one = Compute(_computer, Shard(1, 1), Adapter());
        var four = Compute(_computer, Shard(1, 4), Adapter());
        Assert.Equal(one.Rewards, four.Rewards);
        Assert.NotEqual(one.Payload, four.Payload);
    }

    [Fact]
    public void A_roll_out_gives_the_rewards_of_the_same_samples_that_a_gradient_goes_through()
    {
        var (rolled, gradient) = (Compute(_computer, Shard(1, 1) with { Task = new ShardTask.Rollout() }, Adapter()),
            Compute(_computer, Shard(1, 1), Adapter()));
        Assert.All(rolled.Rewards.Zip(gradient.Rewards), pair => Assert.Equal(pair.Item2, pair.Item1, 1e-4f));
        Assert.Equal(rolled.Rewards, RewardsPayload.Deserialize(rolled.Payload));
        Assert.Equal(rolled.Rewards, rolled.Terms!);
    }

    public static TheoryData<ShardTask> OnOwnSamples => new(
        new ShardTask.PolicyGradient(4, [1, -0.5f], 0.5), new ShardTask.Regression([2, 0.5f], 2, false),
        new ShardTask.Regression([2, 0.5f], 2, true));

    [Theory]
    [MemberData(nameof(OnOwnSamples))]
    public void A_gradient_on_own_samples_is_the_same_wherever_and_depends_on_the_adapter_that_made_them(ShardTask task)
    {
        var stochastic = Run("models/emoji-diffusion", eta: 1);
        var shard = Shard(1, 1) with { Task = task };
        var (now, before) = (Adapter(up: 0.02f), Adapter(up: -0.02f));
        ShardOutcome Of(TorchShardComputer computer, byte[] behaviour) =>
            computer.Compute(shard, stochastic, new ShardAdapters(now, behaviour), (_, _) => { }, CancellationToken.None);

        var first = Of(_computer, before);
        var own = Of(_computer, now);
        using var elsewhere = new TorchShardComputer(Cpu);
        Assert.Equal(first.Payload, Of(elsewhere, before).Payload);
        Assert.NotEqual(first.Payload, own.Payload);
        Assert.Empty(first.Rewards);
        var gradient = LoraWeights.Deserialize(first.Payload);
        Assert.Null(gradient.FirstNonFinite);
        Assert.Contains(gradient.Tensors, t => t.Values.Any(v => v != 0));
        Assert.True(first.Seconds is { Sampling: > 0, Backward: > 0 });
    }

    [Fact]
    public void Exact_inversion_scores_and_trains_two_coupled_chains_the_same_wherever()
    {
        var config = _run.Config with { Memory = "edict" };
        var (plain, coupled) = (Compute(_computer, Shard(1, 2), Adapter()), Compute(_computer, Shard(1, 2), Adapter(), config));
        using var elsewhere = new TorchShardComputer(Cpu);
        Assert.Equal(coupled.Payload, Compute(elsewhere, Shard(1, 2), Adapter(), config).Payload);
        Assert.NotEqual(plain.Rewards, coupled.Rewards);
        Assert.Equal((plain.Rewards.Length, plain.Terms!.Count), (coupled.Rewards.Length, coupled.Terms!.Count));
        var gradient = LoraWeights.Deserialize(coupled.Payload);
        Assert.Null(gradient.FirstNonFinite);
        Assert.Contains(gradient.Tensors, t => t.Values.Any(v => v != 0));
    }

    [Fact]
    public void An_evaluation_returns_features_and_pictures()
    {
        var outcome = Compute(_computer, Shard(0, 0) with { Task = new ShardTask.Evaluate(true) }, Adapter());
        var payload = EvaluationPayload.Deserialize(outcome.Payload);
        Assert.Equal(2, payload.Images.Length);
        Assert.Equal((32, 32), (payload.Height, payload.Width));
        Assert.All(payload.Features, f => Assert.Equal(1.0, Math.Sqrt(f.Sum(v => v * v)), 4));
        // Something is drawn: not one flat colour.
        Assert.All(payload.Images, i => Assert.True(i.Distinct().Count() > 20));
    }

    [Fact]
    public void An_evaluation_may_draw_with_the_adapter_for_a_part_of_the_chain_only()
    {
        var adapter = Adapter(up: 0.05f);
        float[] Draw(double from, double to, byte[] weights) => Compute(_computer, Shard(0, 0), weights,
            _run.Config with { Evaluation = new() { LoraFrom = from, LoraTo = to } }).Rewards;

        var (whole, none) = (Draw(1, 0, adapter), Draw(1, 0, Adapter()));
        Assert.NotEqual(none, whole);
        Assert.Equal(none, Draw(0, 0, adapter));
        var early = Draw(1, 0.5, adapter);
        Assert.NotEqual(none, early);
        Assert.NotEqual(whole, early);
        // The branches are on again for whatever is computed next.
        Assert.Equal(whole, Draw(1, 0, adapter));
    }

    [Fact]
    public void Other_model_or_reward_files_and_half_precision_on_the_cpu_are_named_at_the_door()
    {
        Assert.Null(NodeFitness.Reason(_run, [Cpu]));
        var model = Reason(FileRole.Model, f => f with { Hash = new string('0', 64) })!;
        Assert.Contains("emoji-diffusion: this node's model files differ", model);
        Assert.Contains("expected 000000000000", model);
        Assert.Contains("this node's reward files differ", Reason(FileRole.Reward, f => f with { Hash = "1" }));
        Assert.Contains("no/such/model: not found; the run's model must lie at the same path",
            Reason(FileRole.Model, f => f with { Path = "no/such/model" }));
        var half = RunDescription.Of(_run.Config with { Model = _run.Config.Model with { Precision = "bf16" } }, _run.Files);
        Assert.Contains("expected fp32", NodeFitness.Reason(half, [Cpu]));
        Assert.Null(NodeFitness.Reason(half, [Cpu with { Kind = DeviceKind.Cuda }]));

        string? Reason(FileRole role, Func<FileFingerprint, FileFingerprint> change) =>
            NodeFitness.Reason(new RunDescription(_run.Text, [.. _run.Files.Select(f => f.Role == role ? change(f) : f)]), [Cpu]);
    }

    private async Task<byte[][]> EveryAsync(ComputeDevice device, int[] steps, byte[] adapter)
    {
        var payloads = new SortedDictionary<int, byte[]>();
        foreach (var step in steps)
        {
            var lease = new ShardLease(new LeaseId($"{step}"), Shard(step, 1 + step % 3), BlobRef.Of(adapter));
            var done = Assert.IsType<ShardDone>(await device.Start(lease, _run, new ShardAdapters(adapter)).Outcome);
            payloads[step] = device.Shelf.Payload(done.Payload.Hash)!;
            device.Clear();
        }
        return [.. payloads.Values];
    }

    private ShardOutcome Compute(TorchShardComputer computer, Shard shard, byte[] adapter, RunConfig? config = null) =>
        computer.Compute(shard, config is null ? _run : RunDescription.Of(config, _run.Files), new ShardAdapters(adapter),
            (_, _) => { }, CancellationToken.None);

    private static Shard Shard(int step, int k) => new(new RunId("test"), step, 0, 0, k == 0 ? new ShardTask.Evaluate(false)
        : new ShardTask.Reparametrized(GradientPlan.LastSteps(k, 4)),
    [
        new ShardSample("a cat", 11UL + (ulong)step, 0),
        new ShardSample("a 3d render of a fox", 12UL + (ulong)step, 0),
    ]);

    /// <param name="up">Every value of the B's, which begin at 0.</param>
    private static byte[] Adapter(float up = 0)
    {
        var adapter = LoraInitializer.Gaussian(
            SiteReader.Read(Path.Combine(Root, "models", "emoji-diffusion")).Matching(["to_q"]), 2, 5);
        return up == 0 ? adapter.Serialize() : adapter.WithValues(adapter.Tensors.Select(t => (t.Name,
            t.Name.EndsWith("lora_B.weight", StringComparison.Ordinal) ? [.. t.Values.Select(_ => up)] : t.Values))).Serialize();
    }

    private static RunDescription Run(string model, double eta = 0)
    {
        var (path, reward) = (Path.Combine(Root, model), Path.Combine(Root, "models", "emoji-preference"));
        return RunDescription.Of(
            new RunConfig
            {
                Model = new ModelConfig { Path = path },
                Reward = new RewardConfig { Path = reward },
                Sampling = new SamplingConfig { Steps = 4, GuidanceScale = 3, Eta = eta },
                Lora = new LoraConfig { Rank = 2, Alpha = 2, Targets = ["to_q"] },
            },
            new FileFingerprint(FileRole.Model, "model", path, ModelFingerprint.Of(path)),
            new FileFingerprint(FileRole.Reward, "preference", reward, RewardFingerprint.Of(reward)));
    }

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, "AlignProp.Actors.sln")))
        {
            folder = folder.Parent;
        }
        return folder.FullName;
    }
}
