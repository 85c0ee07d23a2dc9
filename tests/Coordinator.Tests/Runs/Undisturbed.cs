namespace AlignProp.Coordinator.Tests.Runs;

/// <summary>What a run that nothing happens to ends with: computed once, compared with every other.</summary>
internal static class Undisturbed
{
    private static readonly Lazy<Task<IReadOnlyList<string>>> Once = new(() => Task.Run(RunAsync));

    public static Task<IReadOnlyList<string>> HashesAsync() => Once.Value;

    private static async Task<IReadOnlyList<string>> RunAsync()
    {
        using var runs = new TestRuns();
        await using var run = await LiveRun.StartAsync(runs, "undisturbed");
        run.Node("node-1", delay: "1ms");
        await run.StoppedAsync();
        Assert.Equal(6, run.Hashes.Distinct().Count());
        return run.Hashes;
    }
}
