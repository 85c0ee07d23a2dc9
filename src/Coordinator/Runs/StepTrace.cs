using System.Diagnostics;
using AlignProp.Clustering;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Runs;

/// <summary>The spans of the step, or evaluation, that a run has in work: its rounds in turn, then its commit.</summary>
internal sealed class StepTrace
{
    private Activity? _whole;
    private Activity? _part;

    /// <summary>A round begins: the first one of a step begins the step.</summary>
    /// <returns>Where the round's shards and fetches hang.</returns>
    public TraceLink Round(Shard first)
    {
        _part.End();
        var root = new TraceLink("", first.Run, first.Step);
        _whole ??= root.Begin(first.Task is ShardTask.Evaluate ? Spans.Evaluation : Spans.Step);
        _part = root.Below(_whole).Begin(Spans.Round)?.SetTag(Spans.RoundTag, first.Round);
        return root.Below(_part);
    }

    /// <summary>All results are there.</summary>
    public void Commit(RunId run, int step)
    {
        _part.End();
        _part = new TraceLink("", run, step).Below(_whole).Begin(Spans.Commit);
    }

    /// <param name="error">Why nothing was committed, or null.</param>
    public void End(string? error = null)
    {
        _part.End(error);
        _whole.End(error);
        (_part, _whole) = (null, null);
    }
}
