using Akka.Configuration;

namespace AlignProp.Clustering;

/// <summary>
/// The commented files of hocon/, embedded: base, then the role's own, then the environment (ALIGNPROP_COMPUTE for
/// alignprop.node.compute, ALIGNPROP_SIMULATED_DELAY, _COST and _FAULT for the keys beside it; OTEL_EXPORTER_OTLP_ENDPOINT
/// for alignprop.telemetry.otlp), then what the caller adds.
/// </summary>
public static class HoconLayers
{
    /// <param name="role">coordinator or node.</param>
    /// <param name="overrides">HOCON text that wins over the files.</param>
    public static Config For(string role, string overrides) =>
        ConfigurationFactory.ParseString(overrides).WithFallback(FromEnvironment()).WithFallback(Read(role))
            .WithFallback(Read("base"));

    /// <summary>The port a process listens on, and which side of a split goes on.</summary>
    /// <param name="port">0 = any free one.</param>
    /// <param name="standby">
    /// With a standby coordinator the majority of members decides which side of a split goes on. With one coordinator only its
    /// own side can do anything: it goes on even when every node is gone.
    /// </param>
    public static string Membership(int port, bool standby) => $"""
        akka.remote.dot-netty.tcp.port = {port}
        akka.cluster.split-brain-resolver.active-strategy = {(standby ? "keep-majority" : "keep-oldest")}

        """;

    private static Config FromEnvironment() => ConfigurationFactory.ParseString(string.Join('\n',
        new[]
        {
            ("ALIGNPROP_COMPUTE", "alignprop.node.compute"), ("ALIGNPROP_SIMULATED_DELAY", "alignprop.node.simulated-delay"),
            ("ALIGNPROP_SIMULATED_COST", "alignprop.node.simulated-cost"),
                ("ALIGNPROP_SIMULATED_FAULT", "alignprop.node.simulated-fault"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "alignprop.telemetry.otlp"),
        }
            .Select(v => (Key: v.Item2, Value: Environment.GetEnvironmentVariable(v.Item1)))
            .Where(v => !string.IsNullOrEmpty(v.Value))
            .Select(v => $"{v.Key} = \"{v.Value}\"")));

    private static Config Read(string name)
    {
        using var stream = typeof(HoconLayers).Assembly.GetManifestResourceStream($"{name}.conf")
            ?? throw new InvalidOperationException($"hocon/{name}.conf is not embedded");
        using var reader = new StreamReader(stream);
        return ConfigurationFactory.ParseString(reader.ReadToEnd());
    }
}
