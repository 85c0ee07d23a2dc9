using Akka.Configuration;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace AlignProp.Clustering;

/// <summary>
/// Sends the process's spans and metrics to an OpenTelemetry collector, where alignprop.telemetry.otlp names one. Disposed at the
/// process's end: what was gathered until then is sent, or given up after 5 s.
/// </summary>
public sealed class TelemetryExport : IDisposable
{
    private readonly TracerProvider _traces;
    private readonly MeterProvider _metrics;

    private TelemetryExport(Uri collector, string role, string instance)
    {
        var resource = ResourceBuilder.CreateDefault()
            .AddService($"alignprop-{role}", serviceVersion: ClusterNames.Version, serviceInstanceId: instance);
        _traces = Sdk.CreateTracerProviderBuilder().SetResourceBuilder(resource).AddSource(Spans.Source)
            .AddOtlpExporter(options => Address(options, collector, "traces")).Build();
        _metrics = Sdk.CreateMeterProviderBuilder().SetResourceBuilder(resource).AddMeter(Spans.Source)
            .AddOtlpExporter(options => Address(options, collector, "metrics")).Build();
    }

    /// <param name="hocon">The process's configuration.</param>
    /// <param name="role">coordinator or node.</param>
    /// <param name="instance">Which of them this is.</param>
    /// <returns>Null = no collector is named.</returns>
    /// <exception cref="ConfigException">It is no URL.</exception>
    public static TelemetryExport? Start(Config hocon, string role, string instance) =>
        Collector(hocon) is { } collector ? new TelemetryExport(collector, role, instance) : null;

    /// <summary>The collector that is named, or null.</summary>
    /// <exception cref="ConfigException">It is no URL.</exception>
    public static Uri? Collector(Config hocon)
    {
        var text = hocon.GetString("alignprop.telemetry.otlp");
        if (string.IsNullOrEmpty(text))
        {
            return null;
        }
        return Uri.TryCreate(text, UriKind.Absolute, out var collector) && collector.Scheme is "http" or "https"
            ? collector
            : throw new ConfigException($"alignprop.telemetry.otlp (OTEL_EXPORTER_OTLP_ENDPOINT) = {text}: expected the URL of "
                + "an OpenTelemetry collector, e.g. http://127.0.0.1:4317");
    }

    public void Dispose()
    {
        _traces.Dispose();
        _metrics.Dispose();
    }

    /// <summary>Over HTTP each kind of signal has a path of its own, which an endpoint set in code lacks.</summary>
    private static void Address(OtlpExporterOptions options, Uri collector, string signal) =>
        options.Endpoint = options.Protocol == OtlpExportProtocol.HttpProtobuf
            ? new Uri($"{collector.AbsoluteUri.TrimEnd('/')}/v1/{signal}")
            : collector;
}
