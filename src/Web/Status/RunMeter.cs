using System.Diagnostics.Metrics;
using AlignProp.Clustering;
using AlignProp.Coordinator.Runs;
using AlignProp.Messages;

namespace AlignProp.Web.Status;

/// <summary>
/// A run's metrics: one list of instruments over its <see cref="RunPicture"/>, which OTLP export and /metrics read alike. What
/// has no value yet has no measurement.
/// </summary>
public sealed class RunMeter : IDisposable
{
    private readonly Func<RunPicture> _picture;

    /// <param name="picture">Asked for whenever somebody reads.</param>
    /// <param name="now">The time of reading.</param>
    public RunMeter(Func<RunPicture> picture, Func<DateTimeOffset> now)
    {
        (_picture, Meter) = (picture, new Meter(Spans.Source, ClusterNames.Version));
        Measure("alignprop.run_info", "Always 1; the run's name and state are its labels.",
            p => [Of(p, 1, ("name", p.Name), ("state", p.State))]);
        Gauge("alignprop.step", "Last committed step.", p => p.Step);
        Gauge("alignprop.max_steps", "Steps the run has at most.", p => p.Status().MaxSteps);
        Gauge("alignprop.epoch", "Epoch of the last committed step.", p => p.Status().Epoch);
        Gauge("alignprop.reward", "Mean training reward of the last step.", p => p.LastStep?.RewardMean);
        Gauge("alignprop.reward_std", "Standard deviation of the training rewards of the last step.", p => p.LastStep?.RewardStd);
        Gauge("alignprop.heldout_reward", "Mean reward of the held-out prompts at the last evaluation.", p => p.HeldOut?.Last);
        Gauge("alignprop.heldout_diversity", "Diversity between held-out prompts at the last evaluation.",
            p => p.HeldOut?.Diversity);
        Gauge("alignprop.loss", "Loss of the last step.", p => p.LastStep?.Loss);
        Gauge("alignprop.grad_norm", "Norm of the last step's gradient before clipping.", p => p.LastStep?.GradNorm);
        Gauge("alignprop.step_seconds", "Seconds of the last step.", p => p.LastStep?.Seconds);
        Count("alignprop.phase_seconds", "Device seconds spent by phase, over all shards.", p =>
        [
            Of(p, p.Totals.Seconds.Sampling, ("phase", "sampling")), Of(p, p.Totals.Seconds.Scoring, ("phase", "scoring")),
            Of(p, p.Totals.Seconds.Backward, ("phase", "backward")),
        ]);
        Counter("alignprop.steps_committed", "Steps this coordinator committed.", t => t.Steps);
        Counter("alignprop.elections", "Times this coordinator was elected.", t => t.Elections);
        Counter("alignprop.takeovers", "Times it took over from another coordinator.", t => t.Takeovers);
        Gauge("alignprop.coordinator_term", "Number of the election this coordinator leads by.", p => p.Leader?.Term);
        Gauge("alignprop.journal_reachable", "0 while the journal cannot be read or written.",
            p => p.JournalAway is null ? 1 : 0);
        Counter("alignprop.sent_bytes", "Adapter bytes sent to nodes.", t => t.BytesSent);
        Counter("alignprop.received_bytes", "Gradient and picture bytes fetched from nodes.", t => t.BytesReceived);
        Measure("alignprop.devices", "Devices by state.", p => Devices(p).GroupBy(d => d.State.Text())
            .OrderBy(g => g.Key, StringComparer.Ordinal).Select(g => Of(p, g.Count(), ("state", g.Key))));
        Count("alignprop.shards_done", "Shards done.", PerDevice(d => d.Done));
        Count("alignprop.shards_failed", "Shards that failed or were refused.", PerDevice(d => d.Failures));
        Count("alignprop.leases_expired", "Leases lost by silence.", PerDevice(d => d.Expired));
        Measure("alignprop.device_peak_memory_bytes", "Peak memory of the device's process.", PerDevice(d => d.PeakMemory));
        Measure("alignprop.device_last_seen_seconds", "Seconds since the device was last heard.",
            PerDevice(d => Math.Max(0, (now() - d.LastSeen).TotalSeconds)));
        Gauge("alignprop.coordinator_memory_bytes", "Working set of the coordinator.", _ => Environment.WorkingSet);
    }

    /// <summary>Its instruments are gauges and counters of double, read when somebody asks.</summary>
    public Meter Meter { get; }

    public void Dispose() => Meter.Dispose();

    private void Gauge(string name, string what, Func<RunPicture, double?> value) =>
        Measure(name, what, p => value(p) is { } known ? [Of(p, known)] : []);

    private void Counter(string name, string what, Func<RunTotals, double> value) =>
        Count(name, what, p => [Of(p, value(p.Totals))]);

    private void Measure(string name, string what, Func<RunPicture, IEnumerable<Measurement<double>>> values) =>
        Meter.CreateObservableGauge(name, () => values(_picture()), unit: null, what);

    private void Count(string name, string what, Func<RunPicture, IEnumerable<Measurement<double>>> values) =>
        Meter.CreateObservableCounter(name, () => values(_picture()), unit: null, what);

    private static Func<RunPicture, IEnumerable<Measurement<double>>> PerDevice(Func<DevicePicture, double> value) =>
        picture => Devices(picture).Select(d => Of(picture, value(d), ("node", d.Node.Value), ("device", $"{d.Device}")));

    private static IEnumerable<DevicePicture> Devices(RunPicture picture) =>
        picture.Devices.Values.Where(d => d.Device is not null);

    private static Measurement<double> Of(RunPicture picture, double value, params (string Name, string Value)[] labels) =>
        new(value, [new("run", picture.RunId), .. labels.Select(l => KeyValuePair.Create(l.Name, (object?)l.Value))]);
}
