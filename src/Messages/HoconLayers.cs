using Akka.Configuration;

namespace AlignProp.Messages;

/// <summary>
/// The commented files of hocon/, embedded: base, then the role's own, then the environment (ALIGNPROP_COMPUTE for
/// alignprop.node.compute, ALIGNPROP_SIMULATED_DELAY for alignprop.node.simulated-delay), then what the caller adds.
/// </summary>
public static class HoconLayers
{
    /// <param name="role">coordinator or node.</param>
    /// <param name="overrides">HOCON text that wins over the files.</param>
    public static Config For(string role, string overrides) =>
        ConfigurationFactory.ParseString(overrides).WithFallback(FromEnvironment()).WithFallback(Read(role)).WithFallback(Read("base"));

    private static Config FromEnvironment() => ConfigurationFactory.ParseString(string.Join('\n',
        new[] { ("ALIGNPROP_COMPUTE", "alignprop.node.compute"), ("ALIGNPROP_SIMULATED_DELAY", "alignprop.node.simulated-delay") }
            .Select(v => (Key: v.Item2, Value: Environment.GetEnvironmentVariable(v.Item1)))
            .Where(v => !string.IsNullOrEmpty(v.Value))
            .Select(v => $"{v.Key} = {v.Value}")));

    private static Config Read(string name)
    {
        using var stream = typeof(HoconLayers).Assembly.GetManifestResourceStream($"{name}.conf")
            ?? throw new InvalidOperationException($"hocon/{name}.conf is not embedded");
        using var reader = new StreamReader(stream);
        return ConfigurationFactory.ParseString(reader.ReadToEnd());
    }
}
