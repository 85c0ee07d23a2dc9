using System.Globalization;
using System.Text;
using AlignProp.Coordinator.Runs;
using AlignProp.Web.Status;

namespace AlignProp.Web.Control;

/// <summary>A run's picture in Prometheus' text format, version 0.0.4.</summary>
/// <remarks>Source of the format: Prometheus documentation, "Exposition formats". The libraries for it keep a registry of mutable counters beside the state there is already.</remarks>
public static class PrometheusText
{
    public static string Render(RunPicture picture, DateTimeOffset now)
    {
        var text = new StringBuilder();
        var (status, totals, run) = (picture.Status(), picture.Totals, ("run", picture.RunId));
        Metric("alignprop_run_info", "gauge", "Always 1; the run's name and state are its labels.", ([run, ("name", picture.Name), ("state", status.State)], 1));
        Metric("alignprop_step", "gauge", "Last committed step.", ([run], status.Step));
        Metric("alignprop_max_steps", "gauge", "Steps the run has at most.", ([run], status.MaxSteps));
        Metric("alignprop_epoch", "gauge", "Epoch of the last committed step.", ([run], status.Epoch));
        Metric("alignprop_reward", "gauge", "Mean training reward of the last step.", ([run], status.Reward));
        Metric("alignprop_reward_std", "gauge", "Standard deviation of the training rewards of the last step.", ([run], picture.LastStep?.RewardStd));
        Metric("alignprop_heldout_reward", "gauge", "Mean reward of the held-out prompts at the last evaluation.", ([run], status.HeldOut?.Last));
        Metric("alignprop_heldout_diversity", "gauge", "Diversity between held-out prompts at the last evaluation.", ([run], status.HeldOut?.Diversity));
        Metric("alignprop_loss", "gauge", "Loss of the last step.", ([run], picture.LastStep?.Loss));
        Metric("alignprop_grad_norm", "gauge", "Norm of the last step's gradient before clipping.", ([run], status.GradNorm));
        Metric("alignprop_step_seconds", "gauge", "Seconds of the last step.", ([run], picture.LastStep?.Seconds));
        Metric("alignprop_phase_seconds_total", "counter", "Device seconds spent by phase, over all shards.",
            ([run, ("phase", "sampling")], totals.Seconds.Sampling), ([run, ("phase", "scoring")], totals.Seconds.Scoring), ([run, ("phase", "backward")], totals.Seconds.Backward));
        Metric("alignprop_steps_committed_total", "counter", "Steps this coordinator committed.", ([run], totals.Steps));
        Metric("alignprop_elections_total", "counter", "Times this coordinator was elected.", ([run], totals.Elections));
        Metric("alignprop_takeovers_total", "counter", "Times it took over from another coordinator.", ([run], totals.Takeovers));
        Metric("alignprop_coordinator_term", "gauge", "Number of the election this coordinator leads by.", ([run], picture.Leader?.Term));
        Metric("alignprop_journal_reachable", "gauge", "0 while the journal cannot be read or written.", ([run], picture.JournalAway is null ? 1 : 0));
        Metric("alignprop_sent_bytes_total", "counter", "Adapter bytes sent to nodes.", ([run], totals.BytesSent));
        Metric("alignprop_received_bytes_total", "counter", "Gradient and picture bytes fetched from nodes.", ([run], totals.BytesReceived));
        var devices = picture.Devices.Values.Where(d => d.Device is not null).ToList();
        Metric("alignprop_devices", "gauge", "Devices by state.",
            [.. devices.GroupBy(d => d.State.Text()).OrderBy(g => g.Key, StringComparer.Ordinal)
                .Select(g => (new[] { run, ("state", g.Key) }, (double?)g.Count()))]);
        PerDevice("alignprop_shards_done_total", "counter", "Shards done.", d => d.Done);
        PerDevice("alignprop_shards_failed_total", "counter", "Shards that failed or were refused.", d => d.Failures);
        PerDevice("alignprop_leases_expired_total", "counter", "Leases lost by silence.", d => d.Expired);
        PerDevice("alignprop_device_peak_memory_bytes", "gauge", "Peak memory of the device's process.", d => d.PeakMemory);
        PerDevice("alignprop_device_last_seen_seconds", "gauge", "Seconds since the device was last heard.", d => Math.Max(0, (now - d.LastSeen).TotalSeconds));
        Metric("alignprop_coordinator_memory_bytes", "gauge", "Working set of the coordinator.", ([run], Environment.WorkingSet));
        return text.ToString();

        void PerDevice(string name, string type, string help, Func<DevicePicture, double> value) =>
            Metric(name, type, help,
                [.. devices.Select(d => (new[] { run, ("node", d.Node.Value), ("device", $"{d.Device}") }, (double?)value(d)))]);

        void Metric(string name, string type, string help, params ((string, string)[] Labels, double? Value)[] samples)
        {
            if (samples.All(s => s.Value is null))
            {
                return;
            }
            text.Append(CultureInfo.InvariantCulture, $"# HELP {name} {help}\n# TYPE {name} {type}\n");
            foreach (var (labels, value) in samples.Where(s => s.Value is not null))
            {
                text.Append(CultureInfo.InvariantCulture, $"{name}{{{string.Join(',', labels.Select(l => $"{l.Item1}=\"{Escape(l.Item2)}\""))}}} {Number(value!.Value)}\n");
            }
        }
    }

    private static string Number(double value) => double.IsPositiveInfinity(value) ? "+Inf" : double.IsNegativeInfinity(value) ? "-Inf" : value.ToString("R", CultureInfo.InvariantCulture);

    private static string Escape(string value) => value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
}
