using System.Globalization;

namespace AlignProp.Messages;

/// <summary>What computes.</summary>
public enum DeviceKind
{
    Cpu,
    Cuda,

    /// <summary>Made-up numbers after a delay, to try a cluster without a model.</summary>
    Simulated,
}

/// <summary>A device of one machine: <c>cpu:0</c>, <c>cuda:1</c>, <c>sim:2</c>.</summary>
/// <param name="Index">From 0. Workers on the CPU are numbered too, though the CPU is one.</param>
public readonly record struct DeviceName(DeviceKind Kind, int Index)
{
    private static readonly string[] Kinds = ["cpu", "cuda", "sim"];

    /// <exception cref="ArgumentException">Not a device's name.</exception>
    public static DeviceName Parse(string text) => TryParse(text, out var name)
        ? name
        : throw new ArgumentException($"{text}: expected a device like cpu:0, cuda:1 or sim:2");

    internal static bool TryParse(string text, out DeviceName name)
    {
        var parts = text.Split(':');
        var kind = Array.IndexOf(Kinds, parts[0]);
        name = default;
        if (parts.Length != 2 || kind < 0
            || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var index))
        {
            return false;
        }
        name = new DeviceName((DeviceKind)kind, index);
        // One spelling a device: cpu:00 would be another key for the same worker.
        return name.ToString() == text;
    }

    /// <summary>As on the wire and for people.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Kinds[(int)Kind]}:{Index}");
}

/// <summary>A device of a node, e.g. <c>node-1/cpu:0</c>.</summary>
public readonly record struct DeviceId(NodeId Node, DeviceName Device)
{
    /// <summary>As on the wire.</summary>
    public string Value => $"{Node}/{Device}";

    /// <exception cref="ArgumentException">Not a node's name, a slash and a device's name.</exception>
    public static DeviceId Parse(string text)
    {
        // A node may be called anything: the last slash is the one before the device.
        var slash = text.LastIndexOf('/');
        return slash > 0 && DeviceName.TryParse(text[(slash + 1)..], out var name)
            ? new DeviceId(new NodeId(text[..slash]), name)
            : throw new ArgumentException($"{text}: expected a node's device like node-1/cpu:0");
    }

    public override string ToString() => Value;
}
