namespace AlignProp.Benchmarks.Scale;

/// <summary>
/// Simulated clusters of many devices through the real coordinator, serializer and network; what the coordinator costs.
/// </summary>
internal static class ScaleCommand
{
    /// <summary>A row for every number of devices.</summary>
    public static async Task<int> ScaleAsync(IReadOnlyList<string> arguments)
    {
        Console.WriteLine(
            "| devices | MB | shards | delay s | cost | step s | ideal s | efficiency | finish s | coordinator CPU s | nodes' "
            + "CPU s | loopback MB | coordinator MB, peak | a node MB | heartbeat gap s | unreachable |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
        foreach (var options in ScaleOptions.Parse(arguments, "1,8,64"))
        {
            List<(StepFigures Coordinator, NodeFigures Nodes)> steps = [];
            var (observer, unreachable, gap) = (default(Observer), 0, 0.0);
            try
            {
                using var cluster = new ScaleCluster(options);
                await cluster.RunAsync(address => observer = new Observer(address), (coordinator, nodes) =>
                {
                    if (coordinator.Step == 1)
                    {
                        // Starting dozens of processes at once is not what is measured.
                        HeartbeatGauge.Reset();
                    }
                    steps.Add((coordinator, nodes));
                    (unreachable, gap) = (observer!.Unreachable, HeartbeatGauge.LongestGapSeconds);
                    observer.Fetch(coordinator.Adapter, coordinator.AdapterBytes);
                });
            }
            finally
            {
                observer?.Dispose();
            }
            // In the first step the nodes join.
            var measured = steps.Skip(1).ToList();
            var (step, ideal) = (measured.Average(s => s.Coordinator.Seconds), measured.Average(s => s.Coordinator.Ideal));
            Console.WriteLine(
                $"| {options.Devices} | {measured[0].Coordinator.AdapterBytes / 1e6:F1} | {options.Shards} | "
                + $"{options.Delay.TotalSeconds:0.##} | {options.Cost} | {step:F2} | {ideal:F2} | {ideal / step:P1} "
                + $"| {measured.Average(s => s.Coordinator.Finish):F2} | {measured.Average(s => s.Coordinator.Cpu):F2} | "
                    + $"{measured.Average(s => s.Nodes.Cpu):F2} | {measured.Average(s => s.Coordinator.LoopbackBytes) / 1e6:F0} "
                + $"| {measured.Max(s => s.Coordinator.PeakMegabytes):F0} | "
                    + $"{measured.Max(s => s.Nodes.ResidentMegabytes.Average()):F0} | {gap:F1} | "
                    + $"{unreachable + measured[^1].Coordinator.Disturbances} |");
        }
        return 0;
    }

    /// <summary>Memory over many short steps: neither process may grow.</summary>
    public static async Task<int> Steps500Async(IReadOnlyList<string> arguments)
    {
        var options = ScaleOptions.Parse([.. arguments, "--steps", "500", "--delay", "0.02s", "--shards-per-device", "1",
            "--per-node", "4"], "8")[0];
        Console.WriteLine(
            "| step | coordinator resident MB | coordinator managed heap MB | node-0 resident MB | node-1 resident MB | seconds "
            + "a step |\n|---|---|---|---|---|---|");
        using var cluster = new ScaleCluster(options);
        var seconds = 0.0;
        await cluster.RunAsync(_ => { }, (coordinator, nodes) =>
        {
            seconds += coordinator.Seconds;
            if (coordinator.Step % 50 == 0)
            {
                Console.WriteLine(
                    $"| {coordinator.Step} | {coordinator.ResidentMegabytes:F0} | {coordinator.HeapMegabytes:F0} | "
                    + $"{string.Join(" | ", nodes.ResidentMegabytes.Take(2).Select(m => $"{m:F0}"))} | {seconds / 50:F2} |");
                seconds = 0;
            }
        });
        return 0;
    }
}
