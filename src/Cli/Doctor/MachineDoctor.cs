using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using AlignProp.Cli.Sessions;
using AlignProp.Clustering;
using AlignProp.Coordinator.Configuration;
using AlignProp.Coordinator.Runs;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;
using AlignProp.Reports;

namespace AlignProp.Cli.Doctor;

/// <summary>Looks at this machine: what a run needs, whether it is there.</summary>
internal static class MachineDoctor
{
    private const long Gigabyte = 1L << 30;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static async Task<List<Finding>> LookAsync(string source, string runs, int port, CancellationToken interrupted)
    {
        List<Finding> findings =
        [
            Finding.Ok(".NET",
                $"{Environment.Version}, {System.Runtime.InteropServices.RuntimeInformation.OSDescription.Trim()}, "
                + $"{Environment.ProcessorCount} cores"),
            Memory(), Disk(runs), await Task.Run(Font, interrupted),
        ];
        var node = await NodeAsync(interrupted);
        findings.Add(node.Finding);
        findings.Add(Gpus(node.Machine));
        findings.AddRange(Run(source));
        findings.Add(Try("port", () => ListenAddress.RequireFree("127.0.0.1", port),
            port == 0 ? "any free one" : $"{port} is free", "choose another with --port"));
        return findings;
    }

    private static Finding Memory()
    {
        var info = File.Exists("/proc/meminfo")
            ? File.ReadLines("/proc/meminfo").Select(l => l.Split(':', 2)).Where(p => p.Length == 2)
                .ToDictionary(p => p[0], p => p[1].Trim().Split(' ')[0])
            : new Dictionary<string, string>();
        long Bytes(string key) => info.TryGetValue(key, out var text) && long.TryParse(text, out var kilobytes)
            ? kilobytes * 1024 : 0;
        var (total, free) = (Bytes("MemTotal"), Bytes("MemAvailable"));
        var detail = FormattableString.Invariant($"{free / (double)Gigabyte:F1} of {total / (double)Gigabyte:F1} GB available");
        return total == 0 || free >= 2 * Gigabyte ? Finding.Ok("memory", detail)
            : Finding.Warning("memory", detail,
                "a node with the shipped model needs 0.4 GB, with Stable Diffusion 1.5 about 8 GB: close something, or "
                + "--nodes 1");
    }

    private static Finding Disk(string runs)
    {
        var folder = Path.GetFullPath(runs);
        while (!Directory.Exists(folder))
        {
            folder = Path.GetDirectoryName(folder)!;
        }
        var free = new DriveInfo(folder).AvailableFreeSpace;
        var detail = FormattableString.Invariant($"{free / (double)Gigabyte:F1} GB free for {runs}");
        return free < Gigabyte / 4 ? Finding.Error("disk", detail, "free some, or choose another folder with --runs")
            : free < 5 * Gigabyte ? Finding.Warning("disk", detail, "a long run with large adapters may fill it")
            : Try("disk", () => RunFolder.WritableFolder(runs), detail, "choose a folder you may write to with --runs");
    }

    private static Finding Font() => ReportFont.CanBeRead()
        ? Finding.Ok("fonts", $"{ReportFont.Name}, embedded")
        : Finding.Error("fonts", "the embedded font cannot be read", "build again: dotnet build -c Release src/Cli");

    private static async Task<(Finding Finding, NodeMachine? Machine)> NodeAsync(CancellationToken interrupted)
    {
        try
        {
            using var process = Process.Start(NodeProcesses.StartInfo(NodeProcesses.Executable(), 1, ["check"]))!;
            var (said, complained) = (process.StandardOutput.ReadToEndAsync(CancellationToken.None),
                process.StandardError.ReadToEndAsync(CancellationToken.None));
            try
            {
                await process.WaitForExitAsync(interrupted).WaitAsync(Patience, interrupted);
            }
            catch (Exception e) when (e is TimeoutException or OperationCanceledException)
            {
                process.Kill(entireProcessTree: true);
                interrupted.ThrowIfCancellationRequested();
                return (Finding.Error("libtorch", $"does not load within {Patience.TotalSeconds:F0} s",
                    "is the disk slow, or the machine out of memory?"), null);
            }
            if (process.ExitCode != 0)
            {
                return (Finding.Error("libtorch", (await complained).Trim().Split('\n')[0], process.ExitCode == 2
                    ? "the line above says what" : "build the node again: dotnet build -c Release src/GpuNode"), null);
            }
            var machine = JsonSerializer.Deserialize<NodeMachine>((await said).Trim().Split('\n')[^1],
                JsonSerializerOptions.Web)!;
            var detail = string.Create(CultureInfo.InvariantCulture,
                $"TorchSharp {machine.Torch} loads; devices {string.Join(", ", machine.Devices)}; "
                + $"{machine.MatMulGflops:F0} GFLOP/s on one core");
            return (Finding.Ok("libtorch", detail), machine);
        }
        catch (ConfigException e)
        {
            return (Finding.Error("libtorch", e.Message, "build the node"), null);
        }
    }

    private static Finding Gpus(NodeMachine? node)
    {
        const string Driver = "/proc/driver/nvidia/version";
        var cards = Directory.Exists("/proc/driver/nvidia/gpus")
            ? Directory.GetDirectories("/proc/driver/nvidia/gpus").Length : 0;
        if (cards == 0)
        {
            return Directory.Exists("/dev/dri") && File.Exists("/proc/bus/pci/devices")
                && File.ReadAllText("/proc/bus/pci/devices").Contains("nvidia", StringComparison.OrdinalIgnoreCase)
                ? Finding.Warning("GPUs", "an NVIDIA card, but no driver",
                    "install NVIDIA's driver; in a container: the NVIDIA container toolkit, and --gpus all")
                : Finding.Ok("GPUs", "none; runs go on the CPU");
        }
        var driver = File.Exists(Driver)
            ? File.ReadLines(Driver).First().Split("Kernel Module", 2)[^1].Trim().Split("  ")[0] : "?";
        return node is { Cuda: false }
            ? Finding.Warning("GPUs", $"{cards} NVIDIA, driver {driver}, but the node was built for the CPU",
                "build it for CUDA: dotnet build -c Release src/GpuNode -p:TorchBackend=cuda")
            : Finding.Ok("GPUs", $"{cards} NVIDIA, driver {driver}");
    }

    private static IEnumerable<Finding> Run(string source)
    {
        RunConfig config;
        Finding? wrong = null;
        try
        {
            config = RunFile.Load(source, []);
        }
        catch (ConfigException e)
        {
            wrong = Finding.Error("run file", e.Message, "hocon/runs/defaults.conf explains every key");
            config = null!;
        }
        yield return wrong ?? Finding.Ok("run file", source);
        if (wrong is not null)
        {
            yield break;
        }
        yield return Try("model", () => ModelFolderCheck.Model(config.Model.Path, config.Model.Tokenizer),
            Path.GetFileName(config.Model.Path), "model.path names a diffusers folder; alignprop inspect says what a folder is");
        yield return Try("rewards", () => ModelFolderCheck.Rewards(config), config.Reward.Summary,
            "alignprop rewards says what each needs");
        yield return Try("prompts", () => PromptFile.Load("prompts.training", config.Prompts.Training),
            Path.GetFileName(config.Prompts.Training), "one prompt a line");
    }

    internal static Finding Try(string what, Action look, string detail, string todo)
    {
        try
        {
            look();
            return Finding.Ok(what, detail);
        }
        catch (ConfigException e)
        {
            return Finding.Error(what, e.Message, todo);
        }
    }
}
