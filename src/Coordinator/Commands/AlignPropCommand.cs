using System.CommandLine;
using Akka.Util.Internal;
using AlignProp.Adapters;
using AlignProp.Coordinator.Configuration;
using AlignProp.Coordinator.Reports;
using AlignProp.Coordinator.Runs;
using AlignProp.Coordinator.Storage;

namespace AlignProp.Coordinator.Commands;

/// <summary>The <c>alignprop</c> command line. Exit codes: 0 done, 1 failed, 2 bad input, 130 interrupted.</summary>
public static class AlignPropCommand
{
    public static async Task<int> InvokeAsync(IReadOnlyList<string> args, TextWriter output, TextWriter error, bool interactive, CancellationToken interrupted)
    {
        var root = new RootCommand("Aligns text-to-image diffusion models with a reward, on a cluster of actors.")
        {
            Train(output, error, interactive, interrupted),
            Resume(output, error, interactive, interrupted),
            Standby(output, error, interactive, interrupted),
            DrainCommand.Create(output, RunsOption(), FindRun),
            Sample(output, error, interrupted),
            Runs(output),
            Export(output),
            Presets(output),
        };
        try
        {
            var parsed = root.Parse(args);
            if (parsed.Errors.Count > 0)
            {
                throw new ConfigException($"{parsed.Errors[0].Message} (alignprop --help lists the commands)");
            }
            return await parsed.InvokeAsync(new InvocationConfiguration { Output = output, Error = error, EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, CancellationToken.None);
        }
        catch (Exception e) when (e is ConfigException or SafetensorsException or LoraFormatException or Messages.RemotingSecurityException)
        {
            error.WriteLine($"alignprop: {e.Message}");
            return 2;
        }
    }

    private static Command Train(TextWriter output, TextWriter error, bool interactive, CancellationToken interrupted)
    {
        var file = new Argument<string>("run") { Description = "A run file or the name of a preset.", DefaultValueFactory = _ => RunFile.Default };
        var (nodes, cluster, runs, set) = (NodesOption(), new ClusterOptions(), RunsOption(), SetOption());
        var command = new Command("train", "Starts a run: the coordinator and local GPU nodes.") { file, nodes, runs, set };
        cluster.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            var config = RunFile.Load(parsed.GetValue(file)!, parsed.GetValue(set) ?? []);
            var (training, heldOut) = Check(config);
            var folder = WritableFolder(parsed.GetValue(runs)!);
            var directory = new RunDirectory(Path.Combine(folder, $"{config.Name}-{DateTime.Now:yyyyMMdd-HHmmss}-{Guid.NewGuid().ToString("N")[..4]}"));
            var options = new SessionOptions(parsed.GetValue(nodes), cluster.Read(parsed), interactive);
            NodeProcesses.Executable();
            Directory.CreateDirectory(directory.Folder);
            DurableFile.Replace(directory.Config, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(RunFileWriter.Render(config))));
            if (options.Coordinator.Database is { } database)
            {
                RunCatalog.Add(database, directory.Id, new CatalogedRun(RunFileWriter.Render(config), training, heldOut));
            }
            Arithmetic(output, config, training, heldOut, directory);
            return await new RunSession(config, directory, training, heldOut, options).RunAsync(output, error, interrupted);
        });
        return command;
    }

    private static Command Resume(TextWriter output, TextWriter error, bool interactive, CancellationToken interrupted)
    {
        var id = new Argument<string?>("run-id") { Description = "Default: the newest run.", Arity = ArgumentArity.ZeroOrOne };
        var (nodes, cluster, runs) = (NodesOption(), new ClusterOptions(), RunsOption());
        var command = new Command("resume", "Goes on at the last committed step.") { id, nodes, runs };
        cluster.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            var session = Open(parsed.GetValue(runs)!, parsed.GetValue(id), new SessionOptions(parsed.GetValue(nodes), cluster.Read(parsed), interactive));
            return await session.RunAsync(output, error, interrupted);
        });
        return command;
    }

    private static Command Standby(TextWriter output, TextWriter error, bool interactive, CancellationToken interrupted)
    {
        var id = new Argument<string>("run-id");
        var (nodes, cluster, runs) = (NodesOption(), new ClusterOptions(), RunsOption());
        nodes.DefaultValueFactory = _ => 0;
        var command = new Command("standby", "Waits on another machine to take a run over; needs --peer and --database.") { id, nodes, runs };
        cluster.AddTo(command);
        command.SetAction(async (parsed, _) =>
        {
            var options = cluster.Read(parsed, standby: true);
            if (options.Peers is not { Count: > 0 } || options.Database is null)
            {
                throw new ConfigException("standby: --peer (the primary's address) and --database are needed: a standby shares nothing else with the primary");
            }
            return await Open(parsed.GetValue(runs)!, parsed.GetValue(id), new SessionOptions(parsed.GetValue(nodes), options, interactive)).RunAsync(output, error, interrupted);
        });
        return command;
    }

    /// <summary>A run of this machine's folder, or of the database.</summary>
    private static RunSession Open(string runs, string? id, SessionOptions options)
    {
        if (options.Coordinator.Database is { } database && id is not null)
        {
            var run = RunCatalog.Find(database, id);
            var there = new RunDirectory(Path.Combine(WritableFolder(runs), id));
            Directory.CreateDirectory(there.Folder);
            DurableFile.Replace(there.Config, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(run.Config)));
            var config = RunFile.Load(there.Config, []);
            CheckModels(config);
            return new RunSession(config, there, run.Training, run.HeldOut, options);
        }
        var directory = FindRun(runs, id);
        var resumed = RunFile.Load(directory.Config, []);
        var (training, heldOut) = Check(resumed);
        return new RunSession(resumed, directory, training, heldOut, options);
    }

    private static Command Sample(TextWriter output, TextWriter error, CancellationToken interrupted)
    {
        var prompt = new Argument<string>("prompt");
        var adapter = new Option<string?>("--adapter") { Description = "LoRA file (diffusers or kohya names)." };
        var model = new Option<string>("--model") { Description = "Diffusers folder.", DefaultValueFactory = _ => "models/emoji-diffusion" };
        var seed = new Option<int>("--seed");
        var count = new Option<int>("--count") { DefaultValueFactory = _ => 4 };
        var steps = new Option<int>("--steps") { DefaultValueFactory = _ => 20 };
        var guidance = new Option<double>("--guidance") { DefaultValueFactory = _ => 3 };
        var path = new Option<string>("--out") { DefaultValueFactory = _ => "sample.png" };
        var command = new Command("sample", "Makes pictures of a prompt, with or without an adapter.") { prompt, adapter, model, seed, count, steps, guidance, path };
        command.SetAction(async (parsed, _) =>
        {
            var folder = parsed.GetValue(model)!;
            folder = Directory.Exists(folder) ? folder : ProjectFolder.Find(folder) ?? folder;
            ModelFolderCheck.Model(folder);
            List<string> arguments = ["sample", "--model", folder, "--prompt", parsed.GetValue(prompt)!, "--seed", $"{parsed.GetValue(seed)}", "--count", $"{parsed.GetValue(count)}",
                "--steps", $"{parsed.GetValue(steps)}", "--guidance", $"{parsed.GetValue(guidance)}", "--out", parsed.GetValue(path)!];
            if (parsed.GetValue(adapter) is { } file)
            {
                arguments.AddRange(["--adapter", file]);
            }
            var start = NodeProcesses.StartInfo(NodeProcesses.Executable(), Environment.ProcessorCount, arguments);
            using var process = System.Diagnostics.Process.Start(start)!;
            var (said, complained) = (process.StandardOutput.ReadToEndAsync(interrupted), process.StandardError.ReadToEndAsync(interrupted));
            await process.WaitForExitAsync(interrupted);
            output.Write(await said);
            error.Write(await complained);
            return process.ExitCode;
        });
        return command;
    }

    private static Command Runs(TextWriter output)
    {
        var runs = RunsOption();
        var command = new Command("runs", "Lists runs.") { runs };
        command.SetAction(parsed =>
        {
            var folder = parsed.GetValue(runs)!;
            foreach (var directory in Directory.Exists(folder) ? Directory.GetDirectories(folder).Order() : Enumerable.Empty<string>())
            {
                var lines = MetricsLog.Read(new RunDirectory(directory).Metrics);
                var held = lines.Where(l => l.Kind == MetricsLine.EvaluationKind).ToList();
                output.WriteLine($"{Path.GetFileName(directory)}   step {lines.Select(l => l.Step).DefaultIfEmpty().Max()}   held-out reward {(held.Count == 0 ? "-" : $"{held[0].RewardMean:F3} -> {held[^1].RewardMean:F3}")}");
            }
        });
        return command;
    }

    private static Command Export(TextWriter output)
    {
        var id = new Argument<string>("run-id");
        var format = new Option<string>("--format") { Description = "diffusers or kohya (ComfyUI, A1111).", DefaultValueFactory = _ => "kohya" };
        var path = new Option<string>("--out") { DefaultValueFactory = _ => "adapter.kohya.safetensors" };
        var runs = RunsOption();
        var command = new Command("export", "Writes a run's adapter in the names of another tool.") { id, format, path, runs };
        command.SetAction(parsed =>
        {
            var weights = DiffusersLoraFormat.Read(FindRun(parsed.GetValue(runs)!, parsed.GetValue(id)).Adapter);
            switch (parsed.GetValue(format))
            {
                case "kohya":
                    KohyaLoraFormat.Write(parsed.GetValue(path)!, weights);
                    break;
                case "diffusers":
                    DiffusersLoraFormat.Write(parsed.GetValue(path)!, weights);
                    break;
                default:
                    throw new ConfigException($"--format {parsed.GetValue(format)}: expected diffusers or kohya");
            }
            output.WriteLine(parsed.GetValue(path));
        });
        return command;
    }

    private static Command Presets(TextWriter output)
    {
        var command = new Command("presets", "Lists the presets of hocon/runs.");
        command.SetAction(_ => RunFile.Presets().ForEach(name =>
            output.WriteLine($"{name,-18} {RunFile.PresetText(name).Split('\n')[0].TrimStart('#', ' ')}")));
        return command;
    }

    /// <summary>Everything that can be wrong is found before anything is written.</summary>
    private static (IReadOnlyList<string> Training, IReadOnlyList<string> HeldOut) Check(RunConfig config)
    {
        var training = PromptFile.Load("prompts.training", config.Prompts.Training);
        var heldOut = PromptFile.Load("prompts.held-out", config.Prompts.HeldOut);
        CheckModels(config);
        return (training, heldOut);
    }

    private static void CheckModels(RunConfig config)
    {
        ModelFolderCheck.Model(config.Model.Path);
        ModelFolderCheck.Rewards(config);
        LoraLayoutReader.Read(config.Model.Path, config.Lora.Targets);
    }

    private static string WritableFolder(string folder)
    {
        try
        {
            var existed = Directory.Exists(folder);
            Directory.CreateDirectory(folder);
            var probe = Path.Combine(folder, $".{Guid.NewGuid():N}.tmp");
            File.WriteAllText(probe, "");
            File.Delete(probe);
            if (!existed)
            {
                Directory.Delete(folder);
            }
            return Path.GetFullPath(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigException($"{folder}: cannot be written to ({e.Message}); choose another folder with --runs");
        }
    }

    /// <exception cref="ConfigException">There is no such run.</exception>
    private static RunDirectory FindRun(string runs, string? id)
    {
        var all = Directory.Exists(runs) ? Directory.GetDirectories(runs).Where(d => File.Exists(Path.Combine(d, "run.conf"))).OrderBy(Directory.GetCreationTimeUtc).ToList() : [];
        var found = id is null ? all.LastOrDefault() : all.FirstOrDefault(d => Path.GetFileName(d) == id);
        return found is not null
            ? new RunDirectory(Path.GetFullPath(found))
            : throw new ConfigException(id is null ? $"{runs}: no run to resume; start one with: alignprop train"
                : $"{Path.Combine(runs, id)}: no such run; {(all.Count == 0 ? "there are none" : $"runs: {string.Join(", ", all.TakeLast(5).Select(Path.GetFileName))}")}");
    }

    private static void Arithmetic(TextWriter output, RunConfig config, IReadOnlyList<string> training, IReadOnlyList<string> heldOut, RunDirectory directory)
    {
        var planner = new ShardPlanner(new Messages.RunId(directory.Id), config, training, heldOut);
        var parameters = LoraLayoutReader.Read(config.Model.Path, config.Lora.Targets).Sum(m => (long)config.Lora.Rank * (m.In + m.Out));
        output.WriteLine($"{directory.Id}");
        output.WriteLine($"  {training.Count} training and {heldOut.Count} held-out prompts; {config.Batch.Size} samples a step = {planner.ShardsPerStep} shards of {config.Batch.ShardSize}; " +
            $"{planner.StepsPerEpoch} steps an epoch, at most {config.Stopping.MaxEpochs} epochs = {planner.MaxSteps} steps");
        output.WriteLine($"  {config.Sampling.Steps} DDIM steps, guidance {config.Sampling.GuidanceScale}, truncation {config.Truncation.Strategy}; reward {config.Reward.Summary}; LoRA rank {config.Lora.Rank}, {parameters:N0} parameters");
    }

    private static Option<int?> NodesOption() => new("--nodes") { Description = "Local GpuNode processes; 0 = only remote ones. Default: one a GPU, else up to two on the CPU." };

    private static Option<string> RunsOption() => new("--runs") { Description = "Folder of the runs.", DefaultValueFactory = _ => "runs" };

    private static Option<string[]> SetOption() => new("--set") { Description = "key=value of the run file, e.g. --set batch.size=8; may repeat." };
}
