using AlignProp.Messages.Configuration;

namespace AlignProp.Clustering.Tests.Telemetry;

/// <summary>When spans and metrics leave the process.</summary>
public sealed class TelemetryExportTests
{
    [Theory]
    [InlineData("coordinator")]
    [InlineData("node")]
    public void Nothing_is_sent_unless_a_collector_is_named(string role) =>
        Assert.Null(TelemetryExport.Start(HoconLayers.For(role, ""), role, "here"));

    [Fact]
    public void A_collector_that_is_named_is_sent_to_until_the_end()
    {
        using var export = Start("http://127.0.0.1:4317");
        Assert.NotNull(export);
    }

    [Theory]
    [InlineData("collector:4317")]
    [InlineData("ftp://collector")]
    public void A_collector_that_is_no_url_is_refused_by_name(string text)
    {
        var error = Assert.Throws<ConfigException>(() => Start(text));
        Assert.StartsWith($"alignprop.telemetry.otlp (OTEL_EXPORTER_OTLP_ENDPOINT) = {text}: expected",
            error.Message, StringComparison.Ordinal);
    }

    private static TelemetryExport? Start(string collector) =>
        TelemetryExport.Start(HoconLayers.For("node", $"alignprop.telemetry.otlp = \"{collector}\""), "node", "here");
}
