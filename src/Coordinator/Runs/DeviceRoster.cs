using Akka.Actor;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Runs;

/// <summary>The devices of the cluster: who waits for work, who failed how often in a row, who is benched.</summary>
internal sealed class DeviceRoster
{
    private const int FailuresBeforeBench = 3;

    private readonly Dictionary<DeviceId, IActorRef> _workers = [];
    private readonly Dictionary<DeviceId, int> _failures = [];
    private readonly HashSet<DeviceId> _waiting = [];
    private readonly Dictionary<NodeId, IActorRef> _nodes = [];
    private readonly HashSet<NodeId> _leaving = [];

    public IReadOnlyList<DeviceId> Waiting => [.. _waiting];

    public IEnumerable<IActorRef> Workers => _workers.Values;

    public bool AllBenched => _workers.Count > 0 && _workers.Keys.All(IsBenched);

    /// <summary>True when this worker is new (a new device, or a device that came back as another actor).</summary>
    public bool Seen(DeviceId device, IActorRef worker)
    {
        var known = _workers.TryGetValue(device, out var before) && before.Equals(worker);
        _workers[device] = worker;
        if (!known)
        {
            _failures.Remove(device);
        }
        return !known;
    }

    /// <summary>True when this node is new, or came back as another process.</summary>
    public bool Joined(NodeId node, IActorRef actor)
    {
        var known = _nodes.TryGetValue(node, out var before) && before.Equals(actor);
        _nodes[node] = actor;
        if (!known)
        {
            _leaving.Remove(node);
        }
        return !known;
    }

    public IReadOnlyCollection<NodeId> Nodes => _nodes.Keys;

    public IActorRef? ActorOf(NodeId node) => _nodes.GetValueOrDefault(node);

    /// <summary>The node leaves in order: its devices are not lost when they go.</summary>
    public void Leaving(NodeId node) => _leaving.Add(node);

    public bool IsLeaving(DeviceId device) => _leaving.Any(n => device.Value.StartsWith(n.Value + "/", StringComparison.Ordinal));

    /// <summary>The connection to a process broke: its devices are remembered, but wait for nothing until they ask again.</summary>
    public IReadOnlyList<DeviceId> CutOff(Address address)
    {
        var devices = _workers.Where(w => w.Value.Path.Address.Equals(address)).Select(w => w.Key).ToList();
        devices.ForEach(d => _waiting.Remove(d));
        return devices;
    }

    public IActorRef WorkerOf(DeviceId device) => _workers[device];

    public void Busy(DeviceId device) => _waiting.Remove(device);

    public void Idle(DeviceId device) => _waiting.Add(device);

    public void Succeeded(DeviceId device) => _failures.Remove(device);

    /// <summary>Counts a failure; true when the device is benched now.</summary>
    public bool Failed(DeviceId device)
    {
        _failures[device] = _failures.GetValueOrDefault(device) + 1;
        return IsBenched(device);
    }

    public bool IsBenched(DeviceId device) => _failures.GetValueOrDefault(device) >= FailuresBeforeBench;

    /// <summary>The worker died: its devices are forgotten and returned.</summary>
    public IReadOnlyList<DeviceId> Gone(IActorRef worker)
    {
        var devices = _workers.Where(w => w.Value.Equals(worker)).Select(w => w.Key).ToList();
        foreach (var device in devices)
        {
            _workers.Remove(device);
            _waiting.Remove(device);
        }
        return devices;
    }
}
