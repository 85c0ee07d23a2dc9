using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Methods;

/// <summary>The methods by the names that run files give them.</summary>
public static class MethodCatalog
{
    private static readonly Dictionary<string, Func<RunConfig, IMethod>> ByName = new()
    {
        ["alignprop"] = config => new AlignPropMethod(config),
    };

    public static IReadOnlyCollection<string> Names => ByName.Keys;

    /// <exception cref="ConfigException">There is no such method.</exception>
    public static IMethod Of(RunConfig config) => ByName.TryGetValue(config.Method, out var create)
        ? create(config)
        : throw new ConfigException($"method = {config.Method}: expected one of {string.Join(", ", Names)}");
}
