using AlignProp.Benchmarks;
using AlignProp.Benchmarks.FullSize;
using AlignProp.Benchmarks.Scale;

// phases: one alignment step of the shipped model, by phase, against the machine's GEMM peak and against plain autograd.
// memory: peak memory for K = 1 and K = N, each in a process of its own.   shards: memory over 200 shards in one process.
// load: peak memory of loading a full-size UNet from each kind of file (docs/models.md).
// fuzz: damaged files of weights, long form of the tests (docs/models.md).
// sd15: Stable Diffusion 1.5 at full size with random weights (docs/models.md).
// scale: simulated clusters (docs/scale.md).   steps500: memory of coordinator and nodes over 500 simulated steps.
switch (args.FirstOrDefault())
{
    case "phases":
        StepBenchmark.Phases();
        return 0;
    case "memory":
        return await StepBenchmark.MemoryAsync();
    case "memory-of":
        StepBenchmark.MemoryOf(args[1], int.Parse(args[2]));
        return 0;
    case "shards":
        ShardBenchmark.Run(args.Length > 1 ? int.Parse(args[1]) : 200);
        return 0;
    case "load":
        return await LoadBenchmark.RunAsync();
    case "load-of":
        LoadBenchmark.LoadOf(args[1], args[2]);
        return 0;
    case "fuzz":
        return FuzzCommand.Run(args[1..]);
    case "scale":
        return await ScaleCommand.ScaleAsync(args[1..]);
    case "scale-coordinator":
        return await ScaleCoordinator.RunAsync(args[1..]);
    case "sd15":
        return await FullSizeCommand.RunAsync(args[1..]);
    case "sd15-part":
        FullSizeCommand.Part(args[1], args[2]);
        return 0;
    case "steps500":
        return await ScaleCommand.Steps500Async(args[1..]);
    default:
        Console.Error.WriteLine(
            "usage: dotnet run -c Release --project benchmarks -- phases | memory | shards [COUNT] | load | fuzz [--count "
            + "200000] [--seed 1] [--kind KIND] | steps500 | sd15 --out FOLDER\n"
            + "  | scale [--devices 1,8,64] [--megabytes 3.2] [--delay 10s] [--shards-per-device 4] [--per-node 8] [--cost "
                + "same|truncation] [--steps 3]");
        return 2;
}
