using System.Collections.Concurrent;
using System.Collections.Immutable;
using Akka.Actor;
using AlignProp.Clustering;
using AlignProp.GpuNode.Compute;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;
using Serilog;

namespace AlignProp.GpuNode;

/// <summary>
/// A node's process: joins the cluster, works, and joins again whenever it was cut off; what its devices hold and compute goes on
/// meanwhile.
/// </summary>
internal sealed class NodeHost(
    NodeId node, ImmutableList<ComputeDevice> devices, ImmutableList<Address> seeds, MemberOptions options)
{
    private static readonly TimeSpan LeavePatience = TimeSpan.FromSeconds(15);

    private readonly ConcurrentDictionary<RunDescription, string?> _fitness = new();
    private readonly TaskCompletionSource<NodeExit> _left = NewCompletion();
    private volatile bool _draining;
    private volatile ClusterMember? _member;

    /// <summary>The node's actor of the moment; nobody until the first actor system has started.</summary>
    public IActorRef Actor { get; private set; } = ActorRefs.Nobody;

    /// <summary>The node is in the cluster at this moment.</summary>
    public bool IsJoined => _member?.IsUp == true;

    /// <returns>The process's exit code: see <see cref="NodeExit"/>.</returns>
    public async Task<int> RunAsync()
    {
        var member = _member = new ClusterMember(options);
        while (true)
        {
            var exit = Begin(member);
            Log.Information("{Node} joins {Seeds} with {Devices}", node.Value, seeds.Select(s => s.ToString()),
                devices.Select(d => d.Id.Device.ToString()));
            var first = await Task.WhenAny(exit, _left.Task, member.Separated);
            var reason = first is Task<NodeExit> told ? await told : new NodeExit(NodeExit.Rejoin, await member.Separated);
            Log.Information("{Node} leaves: {Reason}", node.Value, reason.Why);
            if (member.Refusal is { } tls)
            {
                Log.Error("{Node} is not let in: {Reason}; is its certificate of the coordinator's authority?", node.Value, tls);
                return NodeExit.Refused;
            }
            if (reason.Code != NodeExit.Rejoin)
            {
                await Task.WhenAny(member.LeaveAsync(), Task.Delay(LeavePatience));
                devices.ForEach(d => d.Dispose());
                return reason.Code;
            }
            await member.RestartAsync();
        }
    }

    /// <summary>Finishes the shards in hand, takes nothing new, then leaves with exit code 0.</summary>
    public void Drain()
    {
        _draining = true;
        Log.Information("SIGTERM: finishing the shard in hand");
        Actor.Tell(new NodeActor.Drain());
    }

    /// <summary>Leaves at once, with exit code 0.</summary>
    public void Leave(string why) => _left.TrySetResult(new NodeExit(0, why));

    private Task<NodeExit> Begin(ClusterMember member)
    {
        var exit = NewCompletion();
        member.Join(seeds);
        Action<NodeExit> leave = reason => exit.TrySetResult(reason);
        var patience = member.Config.GetTimeSpan("alignprop.node.coordinator-patience");
        var lone = seeds.Count == 1;
        Func<RunDescription, string?> unfit = Unfit;
        Actor = member.System.ActorOf(Props.Create(() => new NodeActor(node, devices, unfit, patience, lone, leave)), "node");
        if (_draining)
        {
            // Told before it was cut off, it would not be told again.
            Actor.Tell(new NodeActor.Drain());
        }
        return exit.Task;
    }

    /// <summary>Files are read once, though the coordinator welcomes the node again after every interruption.</summary>
    private string? Unfit(RunDescription run) =>
        _fitness.GetOrAdd(run, _ => NodeFitness.Reason(run, devices.Select(d => d.Id.Device)));

    private static TaskCompletionSource<NodeExit> NewCompletion() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
