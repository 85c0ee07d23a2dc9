using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace AlignProp.Web.Control;

/// <summary>A meter's instruments in Prometheus' text format, version 0.0.4.</summary>
/// <remarks>Source of the format: Prometheus documentation, "Exposition formats".</remarks>
public static class PrometheusText
{
    /// <param name="meter">Whose observable gauges and counters of double are read now.</param>
    public static string Render(Meter meter)
    {
        var text = new StringBuilder();
        Instrument? current = null;
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, into) =>
        {
            if (instrument.Meter == meter)
            {
                into.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<double>((instrument, value, labels, _) =>
        {
            var (name, type) = Family(instrument);
            if (instrument != current)
            {
                current = instrument;
                text.Append(CultureInfo.InvariantCulture, $"# HELP {name} {instrument.Description}\n# TYPE {name} {type}\n");
            }
            text.Append(CultureInfo.InvariantCulture, $"{name}{{{Labels(labels)}}} {Number(value)}\n");
        });
        listener.Start();
        listener.RecordObservableInstruments();
        return text.ToString();
    }

    /// <summary>alignprop.steps_committed, a counter, is alignprop_steps_committed_total here.</summary>
    private static (string Name, string Type) Family(Instrument instrument)
    {
        var name = instrument.Name.Replace('.', '_');
        return instrument is ObservableCounter<double> ? ($"{name}_total", "counter") : (name, "gauge");
    }

    private static string Labels(ReadOnlySpan<KeyValuePair<string, object?>> labels)
    {
        var texts = new List<string>();
        foreach (var (name, value) in labels)
        {
            texts.Add($"{name}=\"{Escape($"{value}")}\"");
        }
        return string.Join(',', texts);
    }

    private static string Number(double value) =>
        double.IsPositiveInfinity(value) ? "+Inf" : double.IsNegativeInfinity(value) ? "-Inf"
        : value.ToString("R", CultureInfo.InvariantCulture);

    private static string Escape(string value) => value.Replace("\\", "\\\\", StringComparison.Ordinal)
        .Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
}
