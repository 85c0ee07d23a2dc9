using AlignProp.Coordinator.Runs;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Tests;

/// <summary>Events of nodes and devices, from their text forms.</summary>
internal static class NodeEvents
{
    public static NodeChanged Joined(params string[] devices)
    {
        DeviceId[] ids = [.. devices.Select(DeviceId.Parse)];
        return new NodeChanged(ids[0].Node, NodeState.Joined, string.Join(", ", ids), ids);
    }

    public static NodeChanged Changed(string node, NodeState state, string detail) => new(new NodeId(node), state, detail);

    public static DeviceChanged DeviceChanged(string device, NodeState state, string detail) =>
        new(DeviceId.Parse(device), state, detail);

    public static DeviceHeard Heard(string device, DeviceWork? work) => new(DeviceId.Parse(device), work);

    /// <summary>A training shard of step 1.</summary>
    public static ShardTimed Timed(string device, int shard) =>
        new(1, shard, false, new(1, 2, 3), 4_000_000, DeviceId.Parse(device), 1000);
}
