using System.Globalization;
using System.Text.RegularExpressions;
using AlignProp.Messages;

namespace AlignProp.GpuNode;

/// <summary>
/// The devices a node works with, one worker each, from <c>--devices LIST</c> (or <c>--device NAME</c> once for each): <c>all</c>
/// = every GPU, or the CPU where there is none; <c>cuda</c> = every GPU, and there must be one; <c>cuda:0,cuda:2</c>; <c>cpu</c>;
/// <c>cpu*2</c> = two workers on the CPU, cpu:0 and cpu:1. Made-up devices (alignprop.node.compute = simulated) may also be
/// called sim.
/// </summary>
public static partial class DeviceList
{
    private const string Expected = "expected all, cuda, cpu, or devices like cuda:0,cuda:1 or cpu*2 with commas between";
    private const int MaxWorkers = 1024;

    /// <param name="gpus">Number of CUDA devices of this machine; asked only when one is named.</param>
    /// <param name="simulated">Devices are made up: any may be named, whether it is there or not.</param>
    /// <returns>Each once.</returns>
    /// <exception cref="ArgumentException">Not a device, not on this machine, or named twice.</exception>
    public static IReadOnlyList<DeviceName> Of(NodeOptions options, Func<int> gpus, bool simulated = false)
    {
        var (lists, named) = (options.All("devices"), options.All("device"));
        if (lists.Count > 0 && named.Count > 0)
        {
            throw new ArgumentException("--device and --devices: give one of them");
        }
        var (option, entries) = named.Count > 0
            ? ("--device", named)
            : ("--devices", lists.Count > 0 ? [.. lists.SelectMany(l => l.Split(',', StringSplitOptions.TrimEntries))] : ["cpu"]);
        var visible = new Lazy<int>(gpus);
        var devices = entries.SelectMany(e => Expand(e, option, visible, simulated)).ToList();
        if (devices.GroupBy(d => d).FirstOrDefault(g => g.Count() > 1) is { } twice)
        {
            var advice = twice.Key.Kind == DeviceKind.Cpu ? "; several workers on the CPU: cpu*2" : "";
            throw new ArgumentException($"{option} {string.Join(',', entries)}: {twice.Key} is named twice{advice}");
        }
        return devices.Count <= MaxWorkers
            ? devices
            : throw new ArgumentException(
                $"{option} {string.Join(',', entries)}: {devices.Count} devices; expected at most {MaxWorkers}");
    }

    private static IEnumerable<DeviceName> Expand(string entry, string option, Lazy<int> gpus, bool simulated)
    {
        var match = Entry().Match(entry);
        var word = match.Groups["kind"].Value;
        if (!match.Success || (word == "sim" && !simulated))
        {
            throw new ArgumentException($"{option} {entry}: {Expected}");
        }
        var (kind, first, count) = (KindOf(word), Number(match.Groups["first"]), Number(match.Groups["count"]));
        if (word == "all" || (kind == DeviceKind.Cuda && first is null && !simulated))
        {
            return gpus.Value > 0 ? Names(DeviceKind.Cuda, 0, gpus.Value)
                : word == "all" ? Names(DeviceKind.Cpu, 0, 1)
                : throw new ArgumentException($"{option} {entry}: {NoGpu}");
        }
        if (kind == DeviceKind.Cuda && !simulated && first >= gpus.Value)
        {
            var shown = string.Join(", ", Names(DeviceKind.Cuda, 0, gpus.Value));
            throw new ArgumentException($"{option} {entry}: {(gpus.Value == 0 ? NoGpu : $"this machine shows {shown}")}");
        }
        return Names(kind, first ?? 0, count ?? 1);
    }

    private const string NoGpu = "libtorch sees no CUDA device here (the CPU build never does; see README.md for the CUDA build)";

    private static DeviceKind KindOf(string word) => word switch
    {
        "cpu" => DeviceKind.Cpu,
        "sim" => DeviceKind.Simulated,
        _ => DeviceKind.Cuda,
    };

    private static IEnumerable<DeviceName> Names(DeviceKind kind, int first, int count) =>
        Enumerable.Range(first, count).Select(i => new DeviceName(kind, i));

    private static int? Number(Group group) => group.Success ? int.Parse(group.Value, CultureInfo.InvariantCulture) : null;

    private const string First = "(?::(?<first>[0-9]{1,3}))?";
    private const string Count = @"(?:\*(?<count>[1-9][0-9]{0,3}))?";

    [GeneratedRegex("^(?:(?<kind>all)|(?<kind>cuda)" + First + "|(?<kind>cpu|sim)" + First + Count + ")$")]
    private static partial Regex Entry();
}
