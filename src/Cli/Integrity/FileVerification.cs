using System.Text.Json.Nodes;
using AlignProp.Adapters;
using AlignProp.Coordinator.Runs;
using AlignProp.Coordinator.Storage;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;
using AlignProp.Reports;

namespace AlignProp.Cli.Integrity;

/// <summary>One thing that was looked at.</summary>
/// <param name="What">A file, or a step.</param>
/// <param name="Ok">It is as the journal says.</param>
internal sealed record Verified(string What, bool Ok, string Detail);

/// <summary>Whether what lies in a run's folder is what its journal tells: hashes, settings, figures.</summary>
internal sealed class FileVerification(RunDirectory directory, RunInventory found, RunState state)
{
    private readonly IReadOnlyList<IRunEvent> _events = found.Events;
    private readonly BlobCheck _blobs = found.Blobs;

    public IEnumerable<Verified> All()
    {
        var steps = _events.OfType<StepCommittedEvent>().Count();
        yield return new Verified("journal.db", true, $"{_events.Count} events, {steps} steps, without a gap");
        foreach (var found in Blobs().Concat(Settings()).Concat(Metrics()).Concat(Export()))
        {
            yield return found;
        }
    }

    private IEnumerable<Verified> Blobs()
    {
        BlobHash[] before = state.Before is { } b ? [b.Adapter, b.Moments] : [];
        List<BlobHash> wanted = [.. new[] { state.Adapter, state.Moments }.Concat(before).Concat(state.Milestones)
            .Concat(_blobs.Files).Distinct()];
        var broken = _blobs.Broken(wanted).ToList();
        return broken.Count == 0 ? [new Verified("blobs", true, $"all {wanted.Count} are there and have their hash")]
            : broken.Select(f => new Verified(f.Split(" is ")[0], false, "is " + f.Split(" is ")[1]
                + (f.EndsWith("damaged", StringComparison.Ordinal) ? ": its bytes do not have the hash of its name" : "")));
    }

    /// <summary>run.conf, key by key, and the files it names.</summary>
    private IEnumerable<Verified> Settings()
    {
        var begun = RunFile.Parse("the journal's run file", state.Created!.Config);
        var (then, now) = (Keys(begun), Keys(RunFile.Load(directory.Config, [])));
        var edited = then.Where(k => now.GetValueOrDefault(k.Key) != k.Value)
            .Select(k => $"{k.Key} is {now.GetValueOrDefault(k.Key) ?? "not there"}, was {k.Value}").ToList();
        yield return edited.Count == 0 ? new Verified("run.conf", true, "is what the run was begun with")
            : new Verified("run.conf", false, $"was edited since the run began: {string.Join("; ", edited)}");
        var files = RunFingerprints.Describe(begun).Files;
        foreach (var file in state.Created.Files)
        {
            var found = files.FirstOrDefault(f => f.Role == file.Role && f.Label == file.Label);
            yield return found?.Hash == file.Hash
                ? new Verified(file.Path, true, $"{file.Role.ToString().ToLowerInvariant()}: is what the run was begun with")
                : new Verified(file.Path, false,
                    $"{file.Role.ToString().ToLowerInvariant()}: is not the one that the run was begun with");
        }
    }

    private static Dictionary<string, string> Keys(RunConfig config) => RunFileWriter.Render(config).Split('\n')
        .Select(l => l.Trim().Split(" = ", 2)).Where(p => p.Length == 2).ToDictionary(p => p[0], p => p[1]);

    /// <summary>Every line of metrics.jsonl against the event it was made of.</summary>
    private IEnumerable<Verified> Metrics()
    {
        var expected = JournaledMetrics.Of(directory, RunFile.Parse("the journal's run file", state.Created!.Config), _events)
            .ToDictionary(l => (l.Kind, l.Step));
        var (told, wrong) = (new HashSet<(string, int)>(), new List<Verified>());
        var number = 0;
        foreach (var text in File.Exists(directory.Metrics) ? File.ReadLines(directory.Metrics) : [])
        {
            var at = $"metrics.jsonl:{++number}";
            if (MetricsLog.Parse(text) is not { } line)
            {
                // A crash tears the line it is writing; that step is told again.
                var torn = expected.Values.Any(l => MetricsLog.Text(l).StartsWith(text, StringComparison.Ordinal));
                wrong.AddRange(torn ? [] : [new Verified(at, false, "cannot be read")]);
            }
            else if (expected.TryGetValue((line.Kind, line.Step), out var right))
            {
                told.Add((line.Kind, line.Step));
                wrong.AddRange(Differences(line, right).Select(d => new Verified(at, false, $"{line.Kind} {line.Step}: {d}")));
            }
            else if (line.Kind != MetricsLine.StopKind)
            {
                wrong.Add(new Verified(at, false, $"tells of {line.Kind} {line.Step}, of which the journal knows nothing"));
            }
        }
        // What was committed in the moment of a crash is told when the run goes on.
        wrong.AddRange(expected.Keys.Where(k => !told.Contains(k) && (k.Step < state.Step || state.EndReason is not null))
            .Select(k => new Verified("metrics.jsonl", false, $"does not tell of {k.Kind} {k.Step}")));
        return wrong.Count > 0 ? wrong : [new Verified("metrics.jsonl", true, $"{number} lines, as the journal tells it")];
    }

    private static IEnumerable<string> Differences(MetricsLine line, MetricsLine right)
    {
        // When a line was written, and the memory meanwhile, only the line itself tells; older versions told less.
        var (told, wanted) = (Json(line), Json(right with
        {
            Time = line.Time,
            PeakMemory = line.PeakMemory,
            BestStep = line.BestStep is null ? null : right.BestStep,
            LearningRate = line.LearningRate is null ? null : right.LearningRate,
            Samples = line.Samples is null ? null : right.Samples,
        }));
        return wanted.Select(p => p.Key).Union(told.Select(p => p.Key))
            .Where(k => told[k]?.ToJsonString() != wanted[k]?.ToJsonString())
            .Select(k => $"{k} is {told[k]?.ToJsonString() ?? "not there"}, the journal says "
                + (wanted[k]?.ToJsonString() ?? "nothing"));
    }

    private static JsonObject Json(MetricsLine line) => JsonNode.Parse(MetricsLog.Text(line))!.AsObject();

    /// <summary>What other tools load is the last adapter, and the best one by the run's rules.</summary>
    private IEnumerable<Verified> Export()
    {
        if (state.Step > 0)
        {
            yield return Export(directory.Adapter, state.Adapter, state.Step);
        }
        var best = state.Best(RunFile.Parse("the journal's run file", state.Created!.Config));
        // Runs of older versions have none.
        if (best is not null && File.Exists(directory.BestAdapter))
        {
            yield return Export(directory.BestAdapter, new BlobHash(best.Sha256), best.Step);
        }
    }

    private Verified Export(string path, BlobHash adapter, int step)
    {
        var name = Path.GetFileName(path);
        if (!_blobs.IsWhole(adapter))
        {
            return new Verified(name, false, $"cannot be compared: the adapter of step {step} is not whole");
        }
        var weights = LoraWeights.Deserialize(new DirectoryAdapterStore(directory.Blobs).Get(adapter));
        var right = DiffusersLoraFormat.Serialize(weights);
        return !File.Exists(path) ? new Verified(name, false, "is missing")
            : BlobHash.Of(right) == BlobHash.Of(File.ReadAllBytes(path))
                ? new Verified(name, true, $"is the adapter of step {step}")
            : new Verified(name, false, $"is not the adapter of step {step}");
    }
}
