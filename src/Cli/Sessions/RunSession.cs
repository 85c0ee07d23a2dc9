using AlignProp.Adapters;
using AlignProp.Cli.Display;
using AlignProp.Cli.Integrity;
using AlignProp.Clustering;
using AlignProp.Coordinator.Runs;
using AlignProp.Coordinator.Storage;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;
using AlignProp.Reports;
using AlignProp.Reports.TensorBoard;
using AlignProp.Web.Control;
using AlignProp.Web.Status;

namespace AlignProp.Cli.Sessions;

/// <summary>One sitting of a run: coordinator, local nodes, display and reports, until it ends or is interrupted.</summary>
internal sealed class RunSession(RunConfig config, RunDirectory directory, IReadOnlyList<string> training,
    IReadOnlyList<string> heldOut, SessionOptions options)
{
    /// <returns>Exit code: 0 ended, 1 failed, 130 interrupted with the state kept.</returns>
    /// <exception cref="ConfigException">The port is taken, the node is not built, the model is not right.</exception>
    public async Task<int> RunAsync(TextWriter output, TextWriter error, CancellationToken interrupted)
    {
        using var lead = RunLead.Take(directory, options.TakeOver, waits: options.Coordinator.Peers is { Count: > 0 });
        await RequireNoOtherAsync(interrupted);
        await CheckFilesAsync(options.Json ? error : output);
        var facts = RunFacts.Of(directory);
        facts.Save(directory);
        var lines = new RunLines();
        // With --json the one document on standard output is the summary.
        var told = options.Json ? error : output;
        var reporter = new RunReporter(directory, config, options.Coordinator.Storage.Blobs(directory));
        var board = new TensorBoardLog(directory, config.Reward.Name);
        using var monitor = new RunMonitor(directory, config.Name, standby: options.Coordinator.Standby,
            keeps: () => lead.IsOurs);
        using var export = TelemetryExport.Start(HoconLayers.For("coordinator", ""), "coordinator", Environment.MachineName);
        CoordinatorHost? leading = null;
        await using var server = options.Http is { } http
            ? await ControlServer.StartAsync(http.At(facts.Port), monitor, () => leading) : null;
        var host = await CoordinatorHost.StartAsync(config, RunFileWriter.Render(config), training, heldOut, directory,
            options.Coordinator, new ProgressFan(board, reporter, lines, monitor));
        leading = host;
        await using (host)
        {
            lead.Publish(directory.Address, host.Address);
            if (server is not null)
            {
                lead.Publish(directory.Url, server.Url);
                (facts with { Port = new Uri(server.Url).Port }).Save(directory);
                var warning = options.Http is { Token: not null, Tls: null, IsLoopback: false }
                    ? "   (not encrypted: the token can be read on the way; set ALIGNPROP_TLS_PFX)" : "";
                told.WriteLine($"dashboard {server.Url}{warning}");
            }
            var devices = LocalDevices.Pick(options.Nodes, config.Model.ThreadsPerShard);
            await using var nodes = devices.Count == 0
                ? null
                : NodeProcesses.Start([host.Address, .. options.Coordinator.Peers ?? []], devices, config.Model.ThreadsPerShard,
                    directory.Logs, message => error.WriteLine(message), options.Coordinator.Host);
            host.LocalNodes = nodes;
            if (options.Coordinator.Standby)
            {
                told.WriteLine($"standing by at {host.Address}");
            }
            else if (devices.Count == 0)
            {
                told.WriteLine($"waiting for nodes: AlignProp.GpuNode run --coordinator {host.Address} --devices all");
            }
            var stop = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            using var registration = interrupted.Register(() => stop.TrySetResult());
            // On the loopback, without other coordinators, no node but the local ones can come.
            var alone = nodes is not null && options.Coordinator.Peers is not { Count: > 0 }
                && HttpSettings.IsLoopbackName(options.Coordinator.Host) ? nodes.AllRefused : null;
            await LiveDisplay.ShowAsync(monitor, lines, told, options.Interactive && !options.Json,
                Task.WhenAny([host.Finished, stop.Task, .. alone is null ? Array.Empty<Task>() : [alone]]));
            var leader = lead.IsOurs ? null : RunLead.Of(directory);
            lead.Dispose();
            if (!host.Finished.IsCompleted && alone is { IsCompleted: true })
            {
                error.WriteLine($"run {directory.Id} has no device: every local node was refused, see {directory.Logs}; when "
                    + $"that is mended: alignprop resume {directory.Id}");
                return 1;
            }
            if (!host.Finished.IsCompleted)
            {
                told.WriteLine("interrupted; everything up to the last committed step is kept. "
                    + $"Go on with: alignprop resume {directory.Id}");
                return 130;
            }
            switch (await host.Finished)
            {
                case RunStopped stopped:
                    if (options.Json)
                    {
                        JsonOutput.Write(output,
                            new RunSummary(stopped.RunId, stopped.Step, stopped.Reason, stopped.AdapterSha256, directory.Adapter,
                                HeldOut(0), HeldOut(^1)));
                        return 0;
                    }
                    Summary(output, stopped);
                    return 0;
                case RunFailed failed:
                    error.WriteLine($"run {failed.RunId} stopped at step {failed.Step}: {failed.Error}"
                        + (leader is null ? "" : $" (it is led by {leader})") + (failed.Damaged ? Remedy() : ""));
                    return 1;
                default:
                    return 1;
            }
        }
    }

    /// <summary>
    /// A run in a database may be led from another folder or machine. With peers it joins whoever leads; alone it would depose
    /// it.
    /// </summary>
    private async Task RequireNoOtherAsync(CancellationToken interrupted)
    {
        if (options.TakeOver || options.Coordinator.Peers is { Count: > 0 })
        {
            return;
        }
        using var sign = options.Coordinator.Storage.Sign(new RunId(directory.Id));
        if (sign is not null && await sign.StillLeadsAsync(interrupted) is var (by, since))
        {
            throw new ConfigException($"{directory.Id} is being led by the coordinator at {by} since "
                + $"{since:yyyy-MM-dd HH:mm:ss}; "
                + "with --peer and its address this one stands by; with --take-over it leads, and the other one steps back");
        }
    }

    /// <summary>Damage is found before anything starts, and mended where that was asked for.</summary>
    private async Task CheckFilesAsync(TextWriter told)
    {
        if (options.Coordinator.Database is not null)
        {
            return;
        }
        var found = RunInventory.Take(directory);
        if (options.Salvage)
        {
            foreach (var line in await Salvage.RunAsync(directory, config, found))
            {
                told.WriteLine(line);
            }
            found = RunInventory.Take(directory);
        }
        found.RequireWhole();
        JournaledMetrics.Append(directory, config, found);
    }

    private string Remedy() => options.Coordinator.Database is null ? $". {RunInventory.Take(directory).Remedy()}"
        : $". Restore the database from a backup, or rebuild the run in its folder here, without --database and "
            + $"{RunStorage.Variable}: alignprop resume {directory.Id} --salvage";

    private static string Best(IReadOnlyList<MetricsLine> evaluations)
    {
        var best = evaluations.LastOrDefault(e => e.BestStep is not null)?.BestStep;
        var line = evaluations.LastOrDefault(e => e.Step == best);
        return line is null ? "the best one evaluated"
            : $"the best one evaluated, after step {line.Step}: held-out reward {line.RewardMean:F3}";
    }

    private HeldOutLine? HeldOut(Index which) => MetricsLog.Read(directory.Metrics)
        .Where(l => l.Kind == MetricsLine.EvaluationKind).ToList() is { Count: > 0 } all && all[which] is var line
        ? new HeldOutLine(line.Step, line.RewardMean, line.RewardStd, line.Diversity)
        : null;

    private void Summary(TextWriter output, RunStopped stopped)
    {
        var evaluations = MetricsLog.Read(directory.Metrics).Where(l => l.Kind == MetricsLine.EvaluationKind).ToList();
        output.WriteLine($"{stopped.RunId}: {stopped.Reason}");
        if (evaluations.Count > 1)
        {
            output.WriteLine(
                $"held-out reward {evaluations[0].RewardMean:F3} -> {evaluations[^1].RewardMean:F3}   diversity "
                + $"{evaluations[0].Diversity:F3} -> {evaluations[^1].Diversity:F3}");
        }
        output.WriteLine($"adapter SHA-256 {stopped.AdapterSha256}");
        foreach (var (file, what) in new[] { ("grid.png", "before and after"), ("reward.png", "reward curve"),
            ("adapter.safetensors", "the LoRA, diffusers names"),
            ("adapter.best.safetensors", Best(evaluations)),
            ("metrics.jsonl", "every step"), ("run.conf", "what was run") })
        {
            output.WriteLine($"  {Path.Combine(directory.Folder, file)}   {what}");
        }
    }
}

/// <param name="Nodes">Local GpuNode processes; null = one a GPU, or on a CPU as many as the cores carry, at most two.</param>
/// <param name="Json">Standard output is for one JSON document at the end.</param>
/// <param name="Http">Where API and dashboard listen; null = nowhere.</param>
/// <param name="TakeOver">Lead although another process does.</param>
/// <param name="Salvage">Rebuild what is damaged from what is whole.</param>
internal sealed record SessionOptions(int? Nodes, CoordinatorOptions Coordinator, HttpSettings? Http, bool Interactive,
    bool Json = false, bool TakeOver = false, bool Salvage = false);

/// <summary>What <c>train --json</c> and <c>resume --json</c> say of a run that has ended.</summary>
internal sealed record RunSummary(string RunId, int Step, string Reason, string AdapterSha256, string Adapter,
    HeldOutLine? Before, HeldOutLine? After);

/// <summary>One evaluation of the held-out prompts.</summary>
internal sealed record HeldOutLine(int Step, double? Reward, double? Std, double? Diversity);
