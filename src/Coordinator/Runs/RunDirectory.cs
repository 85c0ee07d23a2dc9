namespace AlignProp.Coordinator.Runs;

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

    /// <summary>What happened, one JSON line an entry.</summary>
    public string Events => Path.Combine(Folder, "events.jsonl");

    /// <summary>The newest status, for the dashboard of a run that has ended.</summary>
    public string Status => Path.Combine(Folder, "status.json");

    /// <summary>Pictures of evaluations, a folder a step.</summary>
    public string Evaluations => Path.Combine(Folder, "pictures", "evaluations");

    /// <summary>The adapter of the last committed step, for other tools (diffusers key names).</summary>
    public string Adapter => Path.Combine(Folder, "adapter.safetensors");

    public string Metrics => Path.Combine(Folder, "metrics.jsonl");
}
