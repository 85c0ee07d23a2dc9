using System.Text.RegularExpressions;
using TorchSharp;

namespace AlignProp.GpuNode;

/// <summary>Which devices a node works with: <c>--devices all</c>, <c>--devices cuda:0,cuda:2</c>, or <c>--device cuda:0</c> once for each.</summary>
public static partial class DeviceList
{
    /// <param name="gpus">Number of CUDA devices of this machine; asked only for <c>all</c>.</param>
    /// <returns>cpu:N or cuda:N, each once; one worker is started for each. Several of the CPU share its memory and cores.</returns>
    /// <exception cref="ArgumentException">Not a device, or one that is named twice.</exception>
    public static IReadOnlyList<string> Of(NodeOptions options, Func<int> gpus)
    {
        var text = options.Get("devices", "");
        var named = options.All("device");
        if (text.Length > 0 && named.Count > 0)
        {
            throw new ArgumentException("--device and --devices: give one of them");
        }
        if (text == "all")
        {
            var count = gpus();
            return count == 0 ? ["cpu:0"] : [.. Enumerable.Range(0, count).Select(i => $"cuda:{i}")];
        }
        var devices = text.Length > 0 ? text.Split(',', StringSplitOptions.TrimEntries) : named.Count > 0 ? named : ["cpu:0"];
        if (devices.FirstOrDefault(d => !Device().IsMatch(d)) is { } wrong)
        {
            throw new ArgumentException($"--devices {wrong}: expected all, or devices like cuda:0,cuda:1 or cpu:0 with commas between");
        }
        return devices.Distinct().Count() == devices.Count ? [.. devices] : throw new ArgumentException($"--devices {string.Join(',', devices)}: one of them is named twice");
    }

    /// <summary>CUDA devices that libtorch sees; 0 with the CPU build.</summary>
    public static int Gpus() => torch.cuda.is_available() ? torch.cuda.device_count() : 0;

    [GeneratedRegex("^(cpu|cuda):[0-9]{1,3}$")]
    private static partial Regex Device();
}
