using Akka.Actor;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Runs;

/// <summary>The devices of the cluster: who waits for work, who failed how often in a row, who is benched.</summary>
internal sealed class DeviceRoster
{
    private const int FailuresBeforeBench = 3;
    private const int DevicesBeforeGivingUp = 3;

    private readonly Dictionary<DeviceId, IActorRef> _workers = [];
    private readonly Dictionary<DeviceId, int> _failures = [];
    private readonly HashSet<DeviceId> _waiting = [];
    private readonly HashSet<DeviceId> _proven = [];
    private readonly Dictionary<NodeId, (IActorRef Actor, IReadOnlyList<DeviceId> Devices)> _nodes = [];
    private readonly HashSet<NodeId> _leaving = [];
    private readonly HashSet<IActorRef> _left = [];

    public IReadOnlyList<DeviceId> Waiting => [.. _waiting];

    public IEnumerable<IActorRef> Workers => _workers.Values;

    /// <summary>When the first device of this coordinator's life spoke, or null.</summary>
    public DateTimeOffset? FirstHeard { get; private set; }

    /// <summary>True when this worker is new (a new device, or a device that came back as another actor).</summary>
    public bool Seen(DeviceId device, IActorRef worker, DateTimeOffset now)
    {
        FirstHeard ??= now;
        var known = _workers.TryGetValue(device, out var before) && before.Equals(worker);
        _workers[device] = worker;
        if (!known)
        {
            _failures.Remove(device);
            _proven.Remove(device);
        }
        return !known;
    }

    /// <summary>True when this node is new, or came back as another process.</summary>
    public bool Joined(NodeId node, IActorRef actor, IReadOnlyList<DeviceId> devices)
    {
        if (_left.Contains(actor))
        {
            // A greeting that was on its way when it left.
            return false;
        }
        var known = _nodes.TryGetValue(node, out var before) && before.Actor.Equals(actor);
        _nodes[node] = (actor, devices);
        if (!known)
        {
            _leaving.Remove(node);
        }
        return !known;
    }

    public IReadOnlyCollection<NodeId> Nodes => _nodes.Keys;

    public IActorRef? ActorOf(NodeId node) => _nodes.TryGetValue(node, out var known) ? known.Actor : null;

    /// <summary>The node takes no part.</summary>
    public void Unfit(NodeId node) => _nodes.Remove(node);

    /// <summary>The node leaves in order: its devices are not lost when they go. True when that is new.</summary>
    public bool Leaving(NodeId node) => _leaving.Add(node);

    public bool IsLeaving(DeviceId device) => _leaving.Contains(device.Node);

    /// <summary>
    /// The connection to a process broke: its devices are remembered, but wait for nothing until they ask again. One that was
    /// leaving has left.
    /// </summary>
    public IReadOnlyList<DeviceId> CutOff(Address address)
    {
        var devices = _workers.Where(w => w.Value.Path.Address.Equals(address)).Select(w => w.Key).ToList();
        devices.ForEach(d => _waiting.Remove(d));
        devices.Where(IsLeaving).ToList().ForEach(d => _workers.Remove(d));
        ForgetLeft();
        return devices;
    }

    public IActorRef WorkerOf(DeviceId device) => _workers[device];

    public void Busy(DeviceId device) => _waiting.Remove(device);

    /// <summary>There is nothing for it: it is remembered, and sent a lease later, unless it is benched.</summary>
    public NoWork Park(DeviceId device)
    {
        if (IsBenched(device))
        {
            _waiting.Remove(device);
            return new NoWork("benched after repeated failures");
        }
        _waiting.Add(device);
        return new NoWork("no shard is free");
    }

    public void Succeeded(DeviceId device, bool evaluation)
    {
        _failures.Remove(device);
        // An evaluation needs no backward pass: it says nothing about training.
        if (!evaluation)
        {
            _proven.Add(device);
        }
    }

    /// <summary>
    /// Whether a shard that failed on these devices fails everywhere. A device that has never done a training shard says nothing
    /// about this one; one that is announced but has not asked for work yet may still do better.
    /// </summary>
    public bool IsHopeless(IEnumerable<DeviceId> failedOn) => failedOn.Count(_proven.Contains) >= DevicesBeforeGivingUp
        || _workers.Keys.Concat(_nodes.Values.SelectMany(n => n.Devices)).All(IsBenched);

    /// <summary>Counts a failure; true when this one benches the device.</summary>
    public bool Failed(DeviceId device)
    {
        _failures[device] = _failures.GetValueOrDefault(device) + 1;
        return _failures[device] == FailuresBeforeBench;
    }

    public bool IsBenched(DeviceId device) => _failures.GetValueOrDefault(device) >= FailuresBeforeBench;

    /// <summary>The worker, or the node's own actor, died: its devices are forgotten and returned.</summary>
    public IReadOnlyList<DeviceId> Gone(IActorRef worker)
    {
        _left.Remove(worker);
        foreach (var node in _nodes.Where(n => n.Value.Actor.Equals(worker)).Select(n => n.Key).ToList())
        {
            _nodes.Remove(node);
        }
        var devices = _workers.Where(w => w.Value.Equals(worker)).Select(w => w.Key).ToList();
        foreach (var device in devices)
        {
            _workers.Remove(device);
            _waiting.Remove(device);
        }
        ForgetLeft();
        return devices;
    }

    private void ForgetLeft()
    {
        bool IsEmpty(NodeId id) => _nodes.TryGetValue(id, out var node) && !node.Devices.Any(_workers.ContainsKey);
        foreach (var left in _leaving.Where(IsEmpty).ToList())
        {
            _left.Add(_nodes[left].Actor);
            _nodes.Remove(left);
        }
    }
}
