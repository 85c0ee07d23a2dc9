using AlignProp.Benchmarks;

// phases: one alignment step of the shipped model, by phase, against the machine's GEMM peak and against plain autograd.
// memory: peak memory for K = 1 and K = N, each in a process of its own.   shards: memory over 200 shards in one process.
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
    default:
        Console.Error.WriteLine("usage: dotnet run -c Release --project benchmarks -- phases | memory | shards [COUNT]");
        return 2;
}
