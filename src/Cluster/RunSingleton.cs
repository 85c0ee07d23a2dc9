using Akka.Actor;
using Akka.Cluster.Tools.Singleton;
using AlignProp.Messages;

namespace AlignProp.Clustering;

/// <summary>The run's actor: one in the cluster, with the oldest coordinator.</summary>
public static class RunSingleton
{
    private const string Role = "coordinator";
    private const string Name = "run";

    /// <summary>Its path in the actor system that leads.</summary>
    public static string Path => $"{ClusterNames.SingletonPath}/{Name}";

    /// <summary>Keeps the actor in this process while it is the oldest coordinator.</summary>
    public static void Host(ActorSystem system, Props run)
    {
        var settings = ClusterSingletonManagerSettings.Create(system).WithRole(Role).WithSingletonName(Name);
        system.ActorOf(ClusterSingletonManager.Props(run, PoisonPill.Instance, settings), ClusterNames.Singleton);
    }

    /// <summary>Sends it what it is sent, wherever it is, and keeps messages while it is nowhere.</summary>
    public static Props Proxy(ActorSystem system) => ClusterSingletonProxy.Props(ClusterNames.SingletonPath,
        ClusterSingletonProxySettings.Create(system).WithRole(Role).WithSingletonName(Name));
}
