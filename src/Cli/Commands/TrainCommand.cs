using System.CommandLine;
using AlignProp.Adapters;
using AlignProp.Cli.Display;
using AlignProp.Cli.Options;
using AlignProp.Cli.Sessions;
using AlignProp.Coordinator.Configuration;
using AlignProp.Coordinator.Runs;
using AlignProp.Coordinator.Storage;
using AlignProp.Messages.Configuration;

namespace AlignProp.Cli.Commands;

/// <summary><c>train RUNFILE</c>: starts a run, the coordinator and local GPU nodes.</summary>
internal static class TrainCommand
{
    public static Command Create(TextWriter output, TextWriter error, bool interactive, CancellationToken interrupted)
    {
        var file = new Argument<string>("run")
        {
            Description = "A run file or the name of a preset.",
            DefaultValueFactory = _ => RunFile.Default
        };
        file.CompletionSources.Add(_ => RunFile.Presets());
        var (nodes, cluster, runs, set, json) = (RunOptions.Nodes(), new ClusterOptions(), RunOptions.Runs(), RunOptions.Set(),
            JsonOutput.Option());
        var id = new Option<string?>("--id")
        {
            Description =
            "Id of the run. When it exists already the run goes on: for services that start a command again and again."
        };
        var takeOver = RunOptions.TakeOver();
        var command = new Verb("train", "Starts a run: the coordinator and local GPU nodes.",
            "alignprop train",
            "alignprop train emoji-compress --set batch.size=8 --set stopping.max-epochs=2",
            "alignprop train my-run.conf --host 10.0.0.5 --port 4053 --nodes 0")
        {
            file, id, nodes, runs, set, json, takeOver,
        };
        cluster.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            var written = RunFile.Load(parsed.GetValue(file)!, parsed.GetValue(set) ?? []);
            LocalDevices.Require(written, parsed.GetValue(nodes));
            var (training, heldOut, notices) = RunFolder.Check(written);
            var (config, note) = StartingAdapter.Pin(written);
            var folder = RunFolder.WritableFolder(parsed.GetValue(runs)!);
            var directory = new RunDirectory(Path.Combine(folder, parsed.GetValue(id) is { } asked ? RunFolder.CheckId(asked)
                : $"{config.Name}-{DateTime.Now:yyyyMMdd-HHmmss}-{Guid.NewGuid().ToString("N")[..4]}"));
            var options = new SessionOptions(parsed.GetValue(nodes), cluster.Read(parsed), cluster.Http(parsed), interactive,
                parsed.GetValue(json), parsed.GetValue(takeOver));
            if (options.Nodes != 0)
            {
                NodeProcesses.Executable();
            }
            if (parsed.GetValue(id) is { } known && RunFolder.Exists(folder, known, options.Coordinator.Database))
            {
                return await RunFolder.Open(folder, known, options, config).RunAsync(output, error, interrupted);
            }
            DiskSpace.Require(folder, DiskSpace.Need(config, Parameters(config)));
            Directory.CreateDirectory(directory.Folder);
            DurableFile.Replace(directory.Config,
                stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(RunFileWriter.Render(config))));
            if (options.Coordinator.Database is { } database)
            {
                RunCatalog.Add(database, directory.Id, new CatalogedRun(RunFileWriter.Render(config), training, heldOut));
            }
            Arithmetic(options.Json ? error : output, config, training, heldOut, directory);
            foreach (var line in note is null ? notices : [note, .. notices])
            {
                (options.Json ? error : output).WriteLine($"  {line}");
            }
            return await new RunSession(config, directory, training, heldOut, options).RunAsync(output, error, interrupted);
        });
        return command;
    }

    /// <summary>Numbers of the adapter.</summary>
    private static long Parameters(RunConfig config) => LoraLayoutReader.Read(config.Model.Path, config.Lora.Targets)
        .Sum(site => site.Parameters(config.Lora.Rank));

    private static void Arithmetic(TextWriter output, RunConfig config, IReadOnlyList<string> training,
        IReadOnlyList<string> heldOut, RunDirectory directory)
    {
        var planner = new ShardPlanner(new Messages.RunId(directory.Id), config, training, heldOut);
        output.WriteLine($"{directory.Id}");
        output.WriteLine(
            $"  {training.Count} training and {heldOut.Count} held-out prompts; {config.Batch.Size} samples a step = "
            + $"{planner.ShardsPerStep} shards of {config.Batch.ShardSize}; " +
            $"{planner.StepsPerEpoch} steps an epoch, at most {config.Stopping.MaxEpochs} epochs = {planner.MaxSteps} steps");
        output.WriteLine(
            $"  {config.Sampling.Steps} DDIM steps, guidance {config.Sampling.GuidanceScale}, truncation "
            + $"{config.Truncation.Strategy}; reward {config.Reward.Summary}; LoRA rank {config.Lora.Rank}, "
            + $"{Parameters(config):N0} parameters{(config.Lora.Init.Length == 0 ? "" : $", begun with {config.Lora.Init}")}");
    }
}
