using AlignProp.Adapters;
using AlignProp.Coordinator.Methods;
using AlignProp.Coordinator.Runs;
using AlignProp.Coordinator.Storage;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;
using AlignProp.Reports;

namespace AlignProp.Cli.Integrity;

/// <summary>
/// Rebuilds a run's journal of what is whole: run.conf, metrics.jsonl, the blobs, adapter.safetensors and the readable part of
/// the old journal, up to the newest step whose adapter is whole. What is damaged is moved aside, never deleted.
/// </summary>
internal sealed class Salvage
{
    private const int Term = 1;
    private static readonly BlobHash Unknown = new(new string('0', 64));

    private readonly RunDirectory _directory;
    private readonly RunConfig _config;
    private readonly RunInventory _found;
    private readonly DirectoryAdapterStore _store;
    private readonly SortedDictionary<int, StepCommittedEvent> _steps = [];
    private readonly Dictionary<int, EvaluationRecorded> _evaluations = [];
    private readonly Dictionary<long, BlobHash> _moments = [];
    private BlobHash? _exported;

    private Salvage(RunDirectory directory, RunConfig config, RunInventory found)
    {
        (_directory, _config, _found, _store) = (directory, config, found, new DirectoryAdapterStore(directory.Blobs));
        ReadMetrics();
        ReadJournal();
        ReadMoments();
        ReadExport();
    }

    /// <returns>What was rebuilt and what is lost, a line each.</returns>
    /// <exception cref="ConfigException">The model or lora.init that adapter 0 is made of cannot be read.</exception>
    public static async Task<IReadOnlyList<string>> RunAsync(RunDirectory directory, RunConfig config, RunInventory found) =>
        found.Damage.Count == 0 ? ["nothing is damaged; nothing was salvaged"]
            : await new Salvage(directory, config, found).RebuildAsync();

    private async Task<IReadOnlyList<string>> RebuildAsync()
    {
        var (step, whole) = Newest();
        var adapter = StartingAdapter.Make(_config, LoraLayoutReader.Read(_config.Model.Path, _config.Lora.Targets)).Adapter;
        var (first, zero) = (_store.Put(adapter.Serialize()).Hash, _store.Put(AdamWState.Zero(adapter).Serialize()).Hash);
        var moments = step == 0 ? zero : whole ? MomentsOf(step) : zero;
        List<IRunEvent> events = [new CoordinatorElected(Term, "salvage", "salvage"), Created(first, zero)];
        for (var s = 0; s <= step; s++)
        {
            if (s > 0)
            {
                events.Add(Committed(s) with { MomentsHash = s == step ? moments : MomentsOf(s) });
            }
            if (_evaluations.TryGetValue(s, out var evaluation))
            {
                events.Add(evaluation);
            }
        }
        var ended = Ended(step);
        events.AddRange(ended is null ? [] : [ended]);
        var aside = await ReplaceAsync(events, step);
        var last = Math.Max(_found.LastTold, _steps.Count == 0 ? 0 : _steps.Keys.Max());
        List<string> lines = [$"salvaged {_directory.Id} up to step {step}"
            + (aside.Count == 0 ? "" : $"; what was there is kept as {string.Join(", ", aside)}")];
        if (step < last)
        {
            lines.Add($"lost: the adapters of steps {step + 1} to {last}; they are computed again, with the same result"
                + (whole || step == 0 ? "" : " as far as AdamW's moments allow"));
        }
        if (!whole && step > 0)
        {
            lines.Add($"lost: AdamW's moments after step {step}; training goes on with fresh ones, so that later steps differ "
                + "from those of an undisturbed run");
        }
        var gaps = Enumerable.Range(1, step).Where(s => !_steps.ContainsKey(s)).ToList();
        if (gaps.Count > 0)
        {
            lines.Add($"lost: the figures of step {string.Join(", ", gaps)}, which metrics.jsonl does not tell");
        }
        if (_found.State is null)
        {
            lines.Add("lost: who led the run before");
        }
        return lines;
    }

    /// <summary>
    /// The newest step whose adapter and moments are whole; else the newest whose adapter is, and false; else the beginning.
    /// </summary>
    private (int Step, bool Whole) Newest()
    {
        var adapters = _steps.Values.Where(s => IsWhole(s.AdapterHash) && HasPast(s.Step)).ToList();
        var pair = adapters.LastOrDefault(s => MomentsOf(s.Step) is var m && m != Unknown && _found.Blobs.IsWhole(m));
        return pair is not null ? (pair.Step, true) : adapters.Count > 0 ? (adapters[^1].Step, false) : (0, true);
    }

    private bool IsWhole(BlobHash adapter) => _found.Blobs.IsWhole(adapter) || _exported == adapter;

    /// <summary>
    /// Some methods build on the rewards of every sample of earlier steps, which only the journal tells, and on the adapter that
    /// made a batch.
    /// </summary>
    private bool HasPast(int step)
    {
        if (MethodCatalog.Of(_config) is not OwnSamples method)
        {
            return true;
        }
        var first = step - step % method.StepsPerBatch;
        return Enumerable.Range(1, step).All(s => _steps.TryGetValue(s, out var known) && known.Rewards is { Count: > 0 })
            && (first == 0 || IsWhole(_steps[first].AdapterHash));
    }

    private BlobHash MomentsOf(int step) =>
        _steps.TryGetValue(step, out var known) && known.MomentsHash != Unknown ? known.MomentsHash
            : _moments.GetValueOrDefault(step, Unknown);

    private StepCommittedEvent Committed(int step) => _steps.TryGetValue(step, out var known) ? known
        : new StepCommittedEvent(Term, step, Unknown, Unknown, double.NaN, double.NaN, double.NaN, double.NaN, [], 0, []);

    private RunCreated Created(BlobHash adapter, BlobHash moments) =>
        _found.Events.OfType<RunCreated>().FirstOrDefault() ?? new RunCreated(new RunId(_directory.Id),
            RunFileWriter.Render(_config), RunFingerprints.Describe(_config).Files, adapter, moments);

    private RunEnded? Ended(int step) =>
        _found.Events.OfType<RunEnded>().LastOrDefault(e => e.Step == step)
            ?? (_found.Lines.LastOrDefault(l => l.Kind == MetricsLine.StopKind && l.Step == step) is { Reason: { } reason }
                && step == _found.LastTold ? new RunEnded(step, reason) : null);

    /// <returns>Names of what was moved aside.</returns>
    private async Task<IReadOnlyList<string>> ReplaceAsync(IReadOnlyList<IRunEvent> events, int step)
    {
        var fresh = new RunDirectory(Path.Combine(_directory.Folder, ".salvage"));
        if (Directory.Exists(fresh.Folder))
        {
            Directory.Delete(fresh.Folder, recursive: true);
        }
        await JournalWriter.WriteAsync(fresh, new RunId(_directory.Id), events);
        var stamp = DateTime.UtcNow.ToString("yyyyMMddHHmmss", System.Globalization.CultureInfo.InvariantCulture);
        List<string> aside = [];
        string[] databases = JournalCheck.Snapshots(_directory) is null ? [_directory.Journal]
            : [_directory.Journal, _directory.Snapshots];
        // Lines of steps that are computed again would make the journal look as if it had lost them.
        string[] metrics = _found.Lines.Any(l => l.Step > step) ? [_directory.Metrics] : [];
        foreach (var path in databases.SelectMany(p => new[] { p, p + "-wal", p + "-shm", p + "-journal" }).Concat(metrics)
            .Where(File.Exists))
        {
            File.Move(path, $"{path}.damaged-{stamp}");
            aside.Add(Path.GetFileName(path) + $".damaged-{stamp}");
        }
        File.Move(fresh.Journal, _directory.Journal);
        foreach (var line in metrics.Length == 0 ? [] : _found.Lines.Where(l => l.Step <= step))
        {
            MetricsLog.Append(_directory.Metrics, line);
        }
        Directory.Delete(fresh.Folder, recursive: true);
        return aside;
    }

    private void ReadMetrics()
    {
        foreach (var line in _found.Lines)
        {
            if (line is { Kind: MetricsLine.StepKind, Step: > 0, Adapter: { } adapter }
                && new BlobHash(adapter) is { IsWellFormed: true } hash)
            {
                _steps[line.Step] = new StepCommittedEvent(Term, line.Step, hash, Unknown, line.RewardMean ?? double.NaN,
                    line.RewardStd ?? double.NaN, line.Loss ?? double.NaN, line.GradNorm ?? double.NaN, line.Truncations ?? [],
                    line.Seconds ?? 0, Terms(line));
            }
            else if (line.Kind == MetricsLine.EvaluationKind)
            {
                _evaluations[line.Step] = new EvaluationRecorded(line.Step, line.RewardMean ?? double.NaN,
                    line.RewardStd ?? double.NaN, line.Diversity ?? double.NaN, Terms(line));
            }
        }
    }

    private void ReadJournal()
    {
        foreach (var e in _found.Events)
        {
            switch (e)
            {
                case StepCommittedEvent step:
                    _steps[step.Step] = step with { Term = Term };
                    break;
                case EvaluationRecorded evaluation:
                    _evaluations[evaluation.Step] = evaluation;
                    break;
            }
        }
    }

    /// <summary>Moments say themselves after which step they are.</summary>
    private void ReadMoments()
    {
        var adapters = _steps.Values.Select(s => s.AdapterHash).ToHashSet();
        foreach (var hash in _found.Blobs.Files.Where(h => !adapters.Contains(h) && _found.Blobs.IsWhole(h)))
        {
            try
            {
                _moments[AdamWState.Deserialize(_store.Get(hash)).Step] = hash;
            }
            catch (Exception e) when (e is LoraFormatException or WeightFileException)
            {
                // An adapter that nothing names any more.
            }
        }
    }

    /// <summary>The file for other tools is the last adapter, where it makes the hash that the metrics tell.</summary>
    private void ReadExport()
    {
        try
        {
            if (File.Exists(_directory.Adapter))
            {
                var read = LoraFile.Read(_directory.Adapter);
                var adapter = new LoraWeights(_config.Lora.Rank, _config.Lora.Alpha, read.Tensors);
                if (_config.Lora.Alpha == _config.Lora.Rank && _steps.Values.Any(s => s.AdapterHash.Value == adapter.Sha256))
                {
                    _exported = _store.Put(adapter.Serialize()).Hash;
                }
            }
        }
        catch (Exception e) when (e is LoraFormatException or WeightFileException or ArgumentException or IOException)
        {
            // It is of no use here.
        }
    }

    private static List<RewardScore> Terms(MetricsLine line) =>
        [.. (line.Rewards ?? new Dictionary<string, TermLine>()).Select(r => new RewardScore(r.Key, r.Value.Mean, r.Value.Std))];
}
