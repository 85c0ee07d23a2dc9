using System.Reflection;

namespace AlignProp.Messages;

/// <summary>Names both sides must agree on.</summary>
public static class ClusterNames
{
    public const string System = "alignprop";

    /// <summary>The singleton manager's actor name; the run is its child <c>run</c>.</summary>
    public const string Singleton = "coordinator";

    public const string SingletonPath = "/user/" + Singleton;

    /// <summary>Version of this build, with the commit where it was built from one: a node with another one is refused.</summary>
    public static string Version { get; } = typeof(ClusterNames)
        .Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0.0.0";
}
