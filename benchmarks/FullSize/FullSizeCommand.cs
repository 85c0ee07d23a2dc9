using System.Diagnostics;
using AlignProp.Adapters.Configurations;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;
using AlignProp.Models.Denoisers.UNet;
using AlignProp.Models.Files;
using AlignProp.Models.Hosting;
using AlignProp.Models.Layers;
using AlignProp.Models.Training;
using static TorchSharp.torch;

namespace AlignProp.Benchmarks.FullSize;

/// <summary>
/// Stable Diffusion 1.5 at full size on this machine's CPU: random weights in the published layout, loaded, sampled from, one
/// alignment step; each in a process of its own, so that its peak resident memory is its own.
/// </summary>
internal static class FullSizeCommand
{
    private const int Pixels = 256;
    private const int Steps = 4;

    private static readonly string[] Targets = ["to_q", "to_k", "to_v", "to_out.0"];

    public static async Task<int> RunAsync(string[] arguments)
    {
        if (arguments is not ["--out", var folder])
        {
            Console.Error.WriteLine("usage: sd15 --out FOLDER   (4 GB are written there; delete it afterwards)");
            return 2;
        }
        if (!File.Exists(Path.Combine(folder, "text_encoder", "model.safetensors")))
        {
            RandomModelWriter.Write(folder);
        }
        Console.WriteLine(
            $"SD 1.5 structure, fp32, {Pixels} x {Pixels}, {Steps} DDIM steps, guidance 5, batch 1, LoRA rank 4, "
            + $"{Environment.ProcessorCount} cores, 1 thread");
        Console.WriteLine("| what | seconds | peak resident MB |\n|---|---|---|");
        foreach (var what in new[] { "unet", "1 plain", "2 plain", $"{Steps} plain", "1 checkpointed", $"{Steps} checkpointed" })
        {
            using var process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, ["sd15-part", folder, what]))!;
            await process.WaitForExitAsync();
            if (process.ExitCode != 0)
            {
                return process.ExitCode;
            }
        }
        return 0;
    }

    /// <summary>unet: load only that; a number and a way to decode: load all and take one alignment step with that K.</summary>
    public static void Part(string folder, string what)
    {
        set_num_threads(1);
        // libtorch itself, before anything is loaded.
        using (zeros(1))
        {
        }
        var before = Peak();
        var watch = Stopwatch.StartNew();
        if (what == "unet")
        {
            using var unet = Weights.Load(
                Parts.Blueprint(() => new UNet2DConditionModel(UNetConfig.Load(Path.Combine(folder, "unet", "config.json")))),
                Path.Combine(folder, "unet"));
            var size = unet.named_parameters().Sum(p => p.parameter.numel()) * 4 / 1e6;
            Row("load the UNet", watch);
            Console.WriteLine(
                $"weights {size:F0} MB, peak {Peak():F0} MB of which {before:F0} MB before loading: "
                + $"{(Peak() - before) / size:F3} x the weights, {Peak() / size:F3} x with the runtime");
            return;
        }
        using var scope = NewDisposeScope();
        var (k, decode) = (int.Parse(what.Split(' ')[0]), what.Split(' ')[1]);
        using var host = ModelHost.Load(new ModelConfig { Path = folder, Decode = decode }, CPU,
            [new RewardTermConfig { Name = "brightness" }],
            lora: new LoraConfig { Targets = Targets });
        var lora = host.Lora;
        Row("load all", watch);
        using (no_grad())
        {
            manual_seed(4);
            foreach (var (name, parameter) in lora.Parameters)
            {
                parameter.normal_(0, name.Contains("lora_A", StringComparison.Ordinal) ? 0.02 : 0.002);
            }
        }
        var batch = new SampleBatch(host.Model,
            new SamplingConfig { Steps = Steps, GuidanceScale = 5, Height = Pixels, Width = Pixels },
            [new ShardSample("a photo of a fox", 1, 0)]);
        var outcome = new AlignmentStep(host.Model, host.Reward).Run(batch.Chain, batch.Noise, batch.Prompts, new AlignmentLoss(),
            GradientPlan.LastSteps(k, Steps));
        var norm = Math.Sqrt(lora.Gradients().Sum(g => g.Values.Sum(v => (double)v * v)));
        Row($"one alignment step, K = {k}, {decode} decode", watch);
        Console.WriteLine(
            $"sampling {outcome.Seconds.Sampling:F1} s, decode and reward {outcome.Seconds.Scoring:F1} s, backward "
            + $"{outcome.Seconds.Backward:F1} s; reward {outcome.Rewards[0]:F4}, gradient norm {norm:E2}");
    }

    private static void Row(string what, Stopwatch watch) =>
        Console.WriteLine($"| {what} | {watch.Elapsed.TotalSeconds:F1} | {Peak():F0} |");

    /// <summary>VmHWM, in MB.</summary>
    private static double Peak() =>
        double.Parse(File.ReadLines("/proc/self/status").Single(l => l.StartsWith("VmHWM", StringComparison.Ordinal))
        .Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2]) * 1024 / 1e6;
}
