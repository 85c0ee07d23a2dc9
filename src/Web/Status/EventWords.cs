using AlignProp.Coordinator.Runs;

namespace AlignProp.Web.Status;

/// <summary>Which events are worth an entry in the list people read, and in what words.</summary>
internal static class EventWords
{
    /// <param name="standby">This process stood by until now.</param>
    public static (string Kind, string Text)? Of(RunProgress value, bool standby) => value switch
    {
        RunStarted started => ("run", started.FromStep == 0
            ? $"started: at most {started.MaxSteps} steps of {started.ShardsPerStep} shards"
            : $"goes on at step {started.FromStep}"),
        RunStopped stopped => ("run", $"ended after step {stopped.Step}: {stopped.Reason}"),
        RunFailed failed => ("failure", $"failed after step {failed.Step}: {failed.Error}"),
        RunLed led => standby ? ("takeover", $"coordinator {led.Host} took over from {led.Before}")
            : ("run", $"coordinator {led.Host} leads"),
        RunSuperseded superseded => ("takeover", $"the coordinator at {superseded.By} leads now"),
        RunSteered steered => ("control", steered.Text),
        RunNotice notice => (notice.Kind switch
        {
            NoticeKind.JournalAway => "journal",
            NoticeKind.Takeover => "takeover",
            NoticeKind.Repair => "failure",
            _ => "notice"
        }, notice.Text),
        NodeChanged node => (KindOf(node.State), $"{node.Node} {node.State.Text()}: {node.Detail}"),
        DeviceChanged device => (KindOf(device.State), $"{device.Device} {device.State.Text()}: {device.Detail}"),
        ShardRefused refused =>
            ("failure", $"shard {refused.Shard} of step {refused.Step} failed on {refused.Device}: {refused.Why}"),
        StepCommitted s => (EventEntry.StepKind, FormattableString.Invariant(
            $"step {s.Step}: reward {s.RewardMean:F3} ± {s.RewardStd:F3}, gradient norm {s.GradNorm:F3}, {s.Seconds:F1} s")),
        EvaluationFinished e => ("evaluation",
            FormattableString.Invariant(
            $"after step {e.Step}: held-out reward {e.RewardMean:F3} ± {e.RewardStd:F3}, diversity {e.Diversity:F3}")),
        _ => null,
    };

    private static string KindOf(NodeState state) =>
        state is NodeState.Joined or NodeState.Leaving or NodeState.Left ? "node" : "failure";
}
