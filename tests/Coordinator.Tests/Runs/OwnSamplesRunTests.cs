using AlignProp.Coordinator.Runs;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Tests.Runs;

/// <summary>
/// Methods of two rounds and several steps on one batch of samples: the same adapters from one node, from two, and from a run
/// that was interrupted in the middle of a batch.
/// </summary>
public sealed class OwnSamplesRunTests : IDisposable
{
    private readonly TestRuns _runs = new();

    public void Dispose() => _runs.Dispose();

    [Theory]
    [InlineData("ddpo")]
    [InlineData("rwr")]
    public async Task One_node_two_nodes_and_an_interrupted_run_commit_the_same_adapters(string method)
    {
        var config = _runs.Config(epochs: 2) with
        {
            Method = method,
            Sampling = new() { Steps = 10, Eta = 1 },
            Batch = new() { Size = 4, ShardSize = 2, StepsPerEpoch = 2 },
            Ddpo = new() { InnerEpochs = 3 },
            Rwr = new() { Passes = 3 },
        };
        var one = await WholeAsync(config, "one", 1);
        Assert.Equal(4, one.Distinct().Count());
        Assert.Equal(one, await WholeAsync(config, "two", 2));

        // Stopped after the second of the three steps on the first batch: its samples' adapter is still there.
        await using (var run = await LiveRun.StartAsync(_runs, "interrupted", config: config))
        {
            run.Node("node-1", delay: "100ms");
            await run.Until<StepCommitted>(e => e.Step == 2);
        }
        await using var resumed = await LiveRun.StartAsync(_runs, "interrupted", config: config);
        resumed.Node("node-2", delay: "1ms");
        await resumed.StoppedAsync();
        Assert.Equal(one, await resumed.CommittedAsync());
    }

    [Fact]
    public async Task Nothing_is_trained_with_method_none_and_the_base_model_is_evaluated()
    {
        await using var run = await LiveRun.StartAsync(_runs, "none", config: _runs.Config() with { Method = "none" });
        run.Node("node-1", delay: "1ms");
        Assert.Equal("nothing to train: the base model is evaluated", (await run.StoppedAsync()).Reason);
        Assert.Empty(run.Hashes);
        Assert.Single(run.Record.All<EvaluationFinished>());
    }

    private async Task<IReadOnlyList<string>> WholeAsync(RunConfig config, string id, int nodes)
    {
        await using var run = await LiveRun.StartAsync(_runs, id, config: config);
        for (var node = 1; node <= nodes; node++)
        {
            run.Node($"node-{node}", delay: "1ms");
        }
        await run.StoppedAsync();
        return run.Hashes;
    }
}
