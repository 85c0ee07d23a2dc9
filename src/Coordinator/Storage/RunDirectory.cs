using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Storage;

/// <summary>Where everything of one run lies: <c>runs/ID/</c>.</summary>
public sealed record RunDirectory(string Folder)
{
    public string Id => Path.GetFileName(Path.TrimEndingDirectorySeparator(Folder));

    /// <summary>The resolved run file.</summary>
    public string Config => Path.Combine(Folder, "run.conf");

    public string Journal => Path.Combine(Folder, "journal.db");

    public string Snapshots => Path.Combine(Folder, "snapshots.db");

    public string Blobs => Path.Combine(Folder, "blobs");

    public string Logs => Path.Combine(Folder, "logs");

    /// <summary>Where the coordinator listens, while one runs: for commands that talk to it.</summary>
    public string Address => Path.Combine(Folder, "coordinator.address");

    /// <summary>Base URL of the coordinator's HTTP API and dashboard, while one runs here.</summary>
    public string Url => Path.Combine(Folder, "coordinator.url");

    /// <summary>Held by the process that leads the run (<see cref="RunLead"/>).</summary>
    public string Lock => Path.Combine(Folder, "leader.lock");

    /// <summary>Who leads, or led last.</summary>
    public string Leader => Path.Combine(Folder, "leader.json");

    /// <summary><see cref="RunFacts"/>.</summary>
    public string Facts => Path.Combine(Folder, "run.json");

    /// <summary>What happened, one JSON line an entry.</summary>
    public string Events => Path.Combine(Folder, "events.jsonl");

    /// <summary>The newest status, for the dashboard of a run that has ended.</summary>
    public string Status => Path.Combine(Folder, "status.json");

    /// <summary>Pictures of evaluations, a folder a step.</summary>
    public string Evaluations => Path.Combine(Folder, "pictures", "evaluations");

    /// <summary>Event files for TensorBoard.</summary>
    public string TensorBoard => Path.Combine(Folder, "tensorboard");

    /// <summary>The adapter of the last committed step, for other tools (diffusers key names).</summary>
    public string Adapter => Path.Combine(Folder, "adapter.safetensors");

    /// <summary>The best evaluated adapter by the run's own rule (<see cref="Runs.BestAdapter"/>).</summary>
    public string BestAdapter => Path.Combine(Folder, "adapter.best.safetensors");

    public string Metrics => Path.Combine(Folder, "metrics.jsonl");

    /// <summary>The runs of a folder, in the order in which they were begun.</summary>
    public static IReadOnlyList<RunDirectory> All(string runs) => !Directory.Exists(runs) ? []
        : [.. Directory.GetDirectories(runs).Select(d => new RunDirectory(Path.GetFullPath(d))).Where(d => File.Exists(d.Config))
            .OrderBy(d => RunFacts.Of(d).Started)];

    /// <param name="id">Null = the one that was begun last.</param>
    /// <exception cref="ConfigException">There is no such run.</exception>
    public static RunDirectory Find(string runs, string? id)
    {
        var all = All(runs);
        var found = id is null ? (all.Count == 0 ? null : all[^1]) : all.FirstOrDefault(d => d.Id == id);
        if (found is not null)
        {
            return found;
        }
        var others = all.Count == 0 ? "there are none"
            : $"runs: {string.Join(", ", all.TakeLast(5).Select(d => d.Id))}";
        throw new ConfigException(id is null ? $"{runs}: no run there; start one with: alignprop train"
            : $"{Path.Combine(runs, id)}: no such run; {others}");
    }
}
