using System.Diagnostics;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;
using AlignProp.Models.Hosting;
using AlignProp.Models.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Benchmarks;

/// <summary>One alignment step of the shipped model: batch 8, 20 DDIM steps, guidance, LoRA rank 4, one thread.</summary>
internal static class StepBenchmark
{
    private const int Steps = 20;
    private const int Batch = 8;

    private static readonly string[] Targets = ["to_q", "to_k", "to_v", "to_out.0"];

    public static void Phases()
    {
        set_num_threads(1);
        var peak = GemmPeak();
        using var bench = new Bench();
        var forward = bench.DenoiserFlops();
        Console.WriteLine(
            $"GEMM peak, one thread: {peak:F1} GFLOP/s; denoiser forward of batch 2 x {Batch}: {forward / 1e9:F2} GFLOP "
            + $"(convolutions and linear layers)");
        Console.WriteLine("| K | sampling s | decode and reward s | backward s | sampling, share of GEMM peak | "
            + "backward, share of GEMM peak |");
        Console.WriteLine("|---|---|---|---|---|---|");
        bench.Run(1);
        foreach (var k in new[] { 1, 10, 20 })
        {
            var runs = Enumerable.Range(0, 3).Select(_ => bench.Run(k)).OrderBy(p => p.Sampling + p.Backward).ToList();
            var t = runs[1];
            // A recomputed step: forward, and backward through the activations at the same cost; frozen weights have no gradient,
            // LoRA's are small.
            Console.WriteLine(
                $"| {k} | {t.Sampling:F2} | {t.Scoring:F2} | {t.Backward:F2} | {forward * Steps / 1e9 / t.Sampling / peak:P0} | "
                + $"{2 * forward * k / 1e9 / t.Backward / peak:P0} |");
        }
        var explicitSeconds = Median(() => bench.Run(Steps).Backward);
        var plainSeconds = Median(() => bench.PlainBackward(Steps));
        Console.WriteLine(
            $"explicit backward (recomputes every step) against plain autograd (keeps everything), K = {Steps}: "
            + $"{explicitSeconds / plainSeconds:F2} x the time");
    }

    public static async Task<int> MemoryAsync()
    {
        Console.WriteLine("| backward | K | peak resident MB |");
        Console.WriteLine("|---|---|---|");
        foreach (var (kind, k) in new[] { ("sampling only", 0), ("explicit", 1), ("explicit", 5), ("explicit", 10),
            ("explicit", 20), ("plain autograd", 20) })
        {
            var path = Environment.ProcessPath!;
            var dotnet = Path.GetFileNameWithoutExtension(path) == "dotnet";
            string[] program = dotnet ? [typeof(StepBenchmark).Assembly.Location] : [];
            var start = new ProcessStartInfo(path, [.. program, "memory-of", kind, $"{k}"]) { RedirectStandardOutput = true };
            using var child = Process.Start(start)!;
            Console.Write(await child.StandardOutput.ReadToEndAsync());
            await child.WaitForExitAsync();
        }
        return 0;
    }

    public static void MemoryOf(string kind, int k)
    {
        set_num_threads(1);
        using var bench = new Bench();
        for (var i = 0; i < 3; i++)
        {
            switch (kind)
            {
                case "explicit":
                    bench.Run(k);
                    break;
                case "plain autograd":
                    bench.PlainBackward(k);
                    break;
                default:
                    bench.Sample();
                    break;
            }
        }
        using var process = Process.GetCurrentProcess();
        Console.WriteLine($"| {kind} | {k} | {process.PeakWorkingSet64 / 1048576.0:F0} |");
    }

    private static double Median(Func<double> measure) => Enumerable.Range(0, 3).Select(_ => measure()).Order().ElementAt(1);

    private static double GemmPeak()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (randn(1024, 1024), randn(1024, 1024));
        a.mm(b);
        var watch = Stopwatch.StartNew();
        var count = 0;
        while (watch.Elapsed.TotalSeconds < 2)
        {
            a.mm(b).Dispose();
            count++;
        }
        return count * 2.0 * 1024 * 1024 * 1024 / 1e9 / watch.Elapsed.TotalSeconds;
    }

    private sealed class Bench : IDisposable
    {
        private readonly ModelHost _host = ModelHost.Load(
            new ModelConfig { Path = Project.Path("models", "emoji-diffusion") }, CPU,
            [new RewardTermConfig { Name = "preference", Path = Project.Path("models", "emoji-preference") }],
            lora: new LoraConfig { Targets = Targets });

        private readonly SampleBatch _batch;

        public Bench()
        {
            using (no_grad())
            {
                foreach (var (_, parameter) in _host.Lora.Parameters)
                {
                    parameter.normal_(0, 0.02);
                }
            }
            _batch = new SampleBatch(_host.Model, new SamplingConfig { Steps = Steps, GuidanceScale = 3 },
                [.. Enumerable.Range(0, Batch).Select(i => new ShardSample("a cat", (ulong)i, 0))]);
        }

        public PhaseTimes Run(int k)
        {
            using var scope = NewDisposeScope();
            _host.Lora.ZeroGradients();
            return new AlignmentStep(_host.Model, _host.Reward)
                .Run(_batch.Chain, _batch.Noise, _batch.Prompts, new AlignmentLoss(), GradientPlan.LastSteps(k, Steps)).Seconds;
        }

        public void Sample()
        {
            using var scope = NewDisposeScope();
            _batch.Chain.Sample(_batch.Noise);
        }

        /// <summary>Seconds of the backward of one graph over the last k steps.</summary>
        public double PlainBackward(int k)
        {
            using var scope = NewDisposeScope();
            _host.Lora.ZeroGradients();
            var x = _batch.Noise;
            var watch = Stopwatch.StartNew();
            for (var i = 0; i < Steps; i++)
            {
                if (i == Steps - k)
                {
                    watch.Restart();
                }
                using var mode = set_grad_enabled(i >= Steps - k);
                x = _batch.Chain.Step(i, x);
            }
            (-_host.Reward.Score(_host.Model.Codec.Decode(x), _batch.Prompts).mean()).backward();
            return watch.Elapsed.TotalSeconds;
        }

        /// <summary>
        /// Floating-point operations of one guided prediction in convolutions and linear layers: 2 x weights x places each is
        /// applied at.
        /// </summary>
        public double DenoiserFlops()
        {
            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            var sites = _host.Model.Denoiser.Sites;
            var size = _host.Model.LatentShape(0, 0)[1];
            var levels = 1 + sites.Count(s => s.Module.Contains("downsamplers", StringComparison.Ordinal));
            var words = _host.Model.Text.Encode(["a cat"], 32, 32).States.shape[1];
            return 2.0 * 2 * Batch * sites.Sum(s => (double)s.Inputs * s.Out * Places(s.Module));

            double Places(string name)
            {
                var parts = name.Split('.');
                var level = parts[0] switch
                {
                    "down_blocks" => int.Parse(parts[1]) + (name.Contains("downsamplers", StringComparison.Ordinal) ? 1 : 0),
                    "up_blocks" =>
                        levels - 1 - int.Parse(parts[1]) - (name.Contains("upsamplers", StringComparison.Ordinal) ? 1 : 0),
                    "mid_block" => levels - 1,
                    _ => 0,
                };
                var side = size >> level;
                return name.Contains("time_emb", StringComparison.Ordinal) ? 1
                    : name.Contains("attn2.to_k", StringComparison.Ordinal)
                        || name.Contains("attn2.to_v", StringComparison.Ordinal) ? words
                    : side * side;
            }
        }

        public void Dispose() => _host.Dispose();
    }
}
