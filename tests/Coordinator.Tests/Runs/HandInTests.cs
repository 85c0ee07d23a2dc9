using AlignProp.Coordinator.Runs;
using AlignProp.Coordinator.Storage;
using AlignProp.Messages.Configuration;
using AlignProp.Reports;

namespace AlignProp.Coordinator.Tests.Runs;

/// <summary>
/// A coordinator killed in the middle of a step: the nodes go on, and hand in what they have to the one that is started again.
/// </summary>
public sealed class HandInTests : IDisposable
{
    private readonly TestRuns _runs = new();

    public void Dispose() => _runs.Dispose();

    [Fact]
    public async Task No_shard_of_the_interrupted_step_is_computed_twice()
    {
        var (training, heldOut) = (Path.Combine(_runs.Folder, "training.txt"), Path.Combine(_runs.Folder, "held-out.txt"));
        File.WriteAllLines(training, TestRuns.Training);
        File.WriteAllLines(heldOut, TestRuns.HeldOut);
        var (port, runs) = (CoordinatorProcess.FreePort(), Path.Combine(_runs.Folder, "runs"));
        string[] where = ["--nodes", "0", "--port", $"{port}", "--runs", runs];
        string[] settings = [$"prompts.training={training}", $"prompts.held-out={heldOut}", "batch.size=4", "batch.shard-size=1",
            "batch.steps-per-epoch=2",
            "stopping.max-epochs=1", "evaluation.samples-per-prompt=1", "evaluation.grid-prompts=0", "lora.rank=1",
                "lora.targets=[to_q]"];

        using var killed = new CoordinatorProcess(["train", .. where, .. settings.SelectMany(s => new[] { "--set", s })]);
        var address = $"akka.tcp://alignprop@127.0.0.1:{port}";
        using var first = new NodeProcess(address, "node-1", delay: "1500ms");
        using var second = new NodeProcess(address, "node-2", delay: "1500ms");
        // Two shards are acknowledged, two are in work.
        await Wait.UntilAsync(() => Step1().Count == 4, () => string.Join('\n', [.. first.Lines, .. second.Lines]));
        killed.Kill();

        using var resumed = new CoordinatorProcess(["resume", .. where]);
        var (code, said) = await resumed.ExitAsync();
        Assert.True(code == 0, string.Join('\n', [said, .. first.Lines, .. second.Lines]));
        Assert.Equal((0, 0), (await first.ExitAsync(), await second.ExitAsync()));
        Assert.Equal([0, 1, 2, 3], Step1().Select(s => s.Index).Order());

        var directory = new RunDirectory(Directory.GetDirectories(runs).Single());
        var steps = MetricsLog.Read(directory.Metrics).Where(l => l.Kind == MetricsLine.StepKind).Select(l => l.Adapter!)
            .ToList();
        Assert.Equal(2, steps.Count);
        Assert.Equal(await UndisturbedAsync(RunFile.Load(directory.Config, [])), steps);

        List<NodeProcess.Began> Step1() =>
            [.. first.Shards.Concat(second.Shards).Where(s => s is { Evaluation: false, Step: 1 })];
    }

    private async Task<IReadOnlyList<string>> UndisturbedAsync(RunConfig config)
    {
        var record = new Record();
        await using var host = await CoordinatorHost.StartAsync(config, "", TestRuns.Training, TestRuns.HeldOut,
            _runs.Directory_("undisturbed"), new CoordinatorOptions(), record);
        using var node = new NodeProcess(host.Address, "node", delay: "1ms");
        Assert.IsType<RunStopped>(await host.Finished.WaitAsync(TimeSpan.FromSeconds(180)));
        return [.. record.All<StepCommitted>().Select(s => s.AdapterSha256)];
    }
}
