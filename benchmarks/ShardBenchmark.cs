using System.Diagnostics;
using AlignProp.Adapters;
using AlignProp.GpuNode.Compute;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.Benchmarks;

/// <summary>Resident memory of one node's computer over many training shards: it must not grow.</summary>
internal static class ShardBenchmark
{
    public static void Run(int count)
    {
        var (model, reward) = (Project.Path("models", "emoji-diffusion"), Project.Path("models", "emoji-preference"));
        var settings = RunDescription.Of(new RunConfig
        {
            Model = new ModelConfig { Path = model },
            Reward = new RewardConfig { Path = reward },
            Sampling = new SamplingConfig { Steps = 8, GuidanceScale = 3 },
        });
        var adapter = LoraInitializer.Gaussian(SiteReader.Read(model).Matching(settings.Config.Lora.Targets), 4, 1).Serialize();
        using var computer = new TorchShardComputer(DeviceName.Parse("cpu:0"));
        Console.WriteLine("| shards | resident MB |\n|---|---|");
        using var process = Process.GetCurrentProcess();
        for (var i = 1; i <= count; i++)
        {
            var shard = new Shard(new RunId("bench"), i, 0, 0,
                new ShardTask.Reparametrized(GradientPlan.LastSteps(1 + i % 8, 8)),
                [.. Enumerable.Range(0, 8).Select(s => new ShardSample("a cat", (ulong)(i * 8 + s), 0))]);
            computer.Compute(shard, settings, new ShardAdapters(adapter), (_, _) => { }, CancellationToken.None);
            if (i is 1 or 5 or 10 || i % 20 == 0)
            {
                process.Refresh();
                Console.WriteLine($"| {i} | {process.WorkingSet64 / 1048576.0:F0} |");
            }
        }
    }
}
