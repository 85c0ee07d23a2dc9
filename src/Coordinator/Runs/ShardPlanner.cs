using AlignProp.Adapters;
using AlignProp.Coordinator.Methods;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Runs;

/// <summary>
/// Which samples a step consists of, as shards with the method's tasks. A pure function of the run file, the prompts and the
/// step: nodes, order of arrival and restarts do not enter.
/// </summary>
public sealed class ShardPlanner(RunId run, RunConfig config, IReadOnlyList<string> training, IReadOnlyList<string> heldOut)
{
    private readonly IMethod _method = MethodCatalog.Of(config);

    private const string EvaluationNoise = "evaluation-noise";
    private const string EvaluationVariance = "evaluation-variance";

    private (long Pass, string[] Order)? _shuffled;

    public int ShardsPerStep => config.Batch.Shards;

    /// <summary>Optimizer steps on one batch.</summary>
    public int StepsPerBatch => _method.StepsPerBatch;

    /// <summary>Steps of one epoch: as configured, or once through the training prompts.</summary>
    public int StepsPerEpoch => config.Batch.StepsPerEpoch > 0
        ? config.Batch.StepsPerEpoch
        : (training.Count + config.Batch.Size - 1) / config.Batch.Size * StepsPerBatch;

    /// <summary>0 where nothing is trained.</summary>
    public int MaxSteps => _method.Trains ? StepsPerEpoch * config.Stopping.MaxEpochs : 0;

    /// <summary>The next shards of optimizer step <paramref name="step"/>.</summary>
    /// <param name="step">From 1.</param>
    /// <param name="past">The steps before it.</param>
    /// <param name="done">The step's rounds that are done.</param>
    /// <returns>Null when the last round's gradient is the step's.</returns>
    public IReadOnlyList<Shard>? Train(int step, RunState past, params IReadOnlyList<RoundResult> done) =>
        _method.Next(step, new RunPast(past, this), done)
            ?.Select((task, i) => new Shard(run, step, done.Count, i, task, Batch(step, i))).ToList();

    /// <summary>The prompts of a step's samples, in sample order.</summary>
    public IReadOnlyList<string> Prompts(int step) =>
        [.. Enumerable.Range(0, config.Batch.Size).Select(i => PromptOf((BatchOf(step) - 1L) * config.Batch.Size + i))];

    /// <summary>The number of a step's batch, from 1.</summary>
    private int BatchOf(int step) => (step - 1) / StepsPerBatch + 1;

    /// <summary>The samples of one shard of a step, the same in every round and in all steps on one batch.</summary>
    private List<ShardSample> Batch(int step, int shard) =>
        Enumerable.Range(shard * config.Batch.ShardSize, config.Batch.ShardSize)
        .Select(i => new ShardSample(
            PromptOf((BatchOf(step) - 1L) * config.Batch.Size + i),
            Seeds.Derive(config.Seed, BatchOf(step), i, Seeds.Noise),
            Seeds.Derive(config.Seed, BatchOf(step), i, Seeds.VarianceNoise))).ToList();

    /// <summary>What is evaluated: the same prompts and seeds at every step, so that pictures can be laid side by side.</summary>
    /// <returns>Pictured samples first (held-out and training prompts in turn), then the other held-out samples.</returns>
    public IReadOnlyList<(string Prompt, bool HeldOut, ulong Seed)> EvaluationSamples()
    {
        var half = (config.Evaluation.GridPrompts + 1) / 2;
        var pictured = heldOut.Take(half).Select(p => (p, true, 0))
            .Concat(training.Take(config.Evaluation.GridPrompts - Math.Min(half, heldOut.Count)).Select(p => (p, false, 0)))
                .ToList();
        var others = from seed in Enumerable.Range(0, config.Evaluation.SamplesPerPrompt)
                     from prompt in heldOut
                     where seed > 0 || !pictured.Contains((prompt, true, 0))
                     select (prompt, true, seed);
        return pictured.Concat(others)
            .Select(s => (s.Item1, s.Item2, Seeds.Derive(config.Seed, s.Item3, StableIndex(s.Item1), EvaluationNoise))).ToList();
    }

    /// <summary>The evaluation as shards without gradient.</summary>
    public IReadOnlyList<Shard> Evaluate(int step) => EvaluationSamples().Chunk(config.Batch.ShardSize)
        .Select((chunk, index) => new Shard(
        run, step, 0, index, new ShardTask.Evaluate(Pictures: index * config.Batch.ShardSize < config.Evaluation.GridPrompts),
        chunk.Select(s => new ShardSample(s.Prompt, s.Seed, Seeds.Derive(s.Seed, 0, 0, EvaluationVariance))).ToList())).ToList();

    /// <summary>
    /// Prompts are drawn without replacement: shuffled passes through the training prompts, one after the other.
    /// </summary>
    private string PromptOf(long index)
    {
        var pass = index / training.Count;
        // The same for a whole pass; kept, since methods that look back ask for many.
        if (_shuffled is not { } kept || kept.Pass != pass)
        {
            var order = new DeterministicRandom(Seeds.Derive(config.Seed, pass, 0, Seeds.Prompt));
            _shuffled = kept = (pass, order.Shuffled(training));
        }
        return kept.Order[index % training.Count];
    }

    /// <summary>A prompt's own number, so that its evaluation seeds do not move when other prompts come and go.</summary>
    private static long StableIndex(string prompt) => (long)(Seeds.Derive(0, 0, 0, prompt) >> 1);
}
