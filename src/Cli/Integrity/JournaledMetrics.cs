using AlignProp.Coordinator.Configuration;
using AlignProp.Coordinator.Runs;
using AlignProp.Coordinator.Storage;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;
using AlignProp.Reports;

namespace AlignProp.Cli.Integrity;

/// <summary>metrics.jsonl as the journal tells it.</summary>
internal static class JournaledMetrics
{
    /// <summary>One line a step, an evaluation and a stop; of what is told twice the last.</summary>
    /// <exception cref="ConfigException">The training prompts cannot be read.</exception>
    public static IReadOnlyCollection<MetricsLine> Of(RunDirectory directory, RunConfig config, IReadOnlyList<IRunEvent> events)
    {
        var training = PromptFile.Load("prompts.training", config.Prompts.Training);
        var perEpoch = new ShardPlanner(new RunId(directory.Id), config, training, []).StepsPerEpoch;
        int Epoch(int step) => (step + perEpoch - 1) / perEpoch;
        Dictionary<(string, int), MetricsLine> lines = [];
        Dictionary<int, string> adapters = [];
        List<EvaluationRecorded> evaluations = [];
        foreach (var e in events)
        {
            RunProgress? progress = null;
            switch (e)
            {
                case RunCreated created:
                    adapters[0] = created.AdapterHash.Value;
                    break;
                case StepCommittedEvent s:
                    adapters[s.Step] = s.AdapterHash.Value;
                    progress = new StepCommitted(s.Step, Epoch(s.Step), s.RewardMean, s.RewardStd, s.Loss, s.GradNorm,
                        s.Truncations, s.AdapterHash.Value, s.Seconds, s.Terms);
                    break;
                case EvaluationRecorded v:
                    evaluations.Add(v);
                    progress = new EvaluationFinished(v.Step, Epoch(v.Step), v.RewardMean, v.RewardStd, v.Diversity, [], v.Terms);
                    break;
                case RunEnded end:
                    progress = new RunStopped(directory.Id, end.Step, end.Reason, adapters.GetValueOrDefault(end.Step, ""));
                    break;
            }
            if (progress is not null && MetricsLine.Of(progress) is { } line)
            {
                line = line.Kind switch
                {
                    MetricsLine.EvaluationKind =>
                        line with { BestStep = evaluations[BestAdapter.Of(config, evaluations)!.Value].Step },
                    MetricsLine.StepKind =>
                        line with { LearningRate = config.Optimizer.LearningRate, Samples = config.Batch.Size },
                    _ => line,
                };
                lines[(line.Kind, line.Step)] = line;
            }
        }
        return lines.Values;
    }

    /// <summary>A crash between a commit and its report leaves a step untold: it is told when the run goes on.</summary>
    public static void Append(RunDirectory directory, RunConfig config, RunInventory found)
    {
        var told = found.Lines.Select(l => (l.Kind, l.Step)).ToHashSet();
        foreach (var line in Of(directory, config, found.Events).Where(l => !told.Contains((l.Kind, l.Step))))
        {
            MetricsLog.Append(directory.Metrics, line);
        }
    }
}
