using AlignProp.Coordinator.Runs;
using AlignProp.Messages.Configuration;

namespace AlignProp.Cli.Remote;

/// <summary>The nodes that Tab offers.</summary>
internal static class NodeNames
{
    /// <summary>Those that take part in a run: asked from its coordinator, quickly or not at all.</summary>
    public static IEnumerable<string> Of(Func<CoordinatorClient> coordinator)
    {
        try
        {
            using var client = coordinator();
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(2));
            return [.. Task.Run(() => client.NodesAsync(patience.Token)).GetAwaiter().GetResult()
                .Where(n => n.State is not (NodeState.Left or NodeState.Lost or NodeState.Refused or NodeState.Leaving))
                .Select(n => n.Node).Distinct()];
        }
        catch (Exception e) when (e is ConfigException or OperationCanceledException or IOException)
        {
            return [];
        }
    }
}
