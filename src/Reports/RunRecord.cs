using System.Globalization;
using System.Text.Json;
using Akka.Configuration;
using AlignProp.Coordinator.Storage;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.Reports;

/// <summary>
/// What a run's folder tells of it, for reports and model cards. Read once; parts that are not there are empty.
/// </summary>
public sealed class RunRecord
{
    private readonly Config _config;

    private RunRecord(RunDirectory directory)
    {
        Directory = directory;
        ConfigText = File.Exists(directory.Config) ? File.ReadAllText(directory.Config)
            : throw new ConfigException($"{directory.Config}: file not found; expected the folder of a run");
        _config = ConfigurationFactory.ParseString(ConfigText);
        Lines = MetricsLog.Read(directory.Metrics);
        Journal = RunJournal.Read(directory);
        Before = PictureSet.Load(Path.Combine(directory.Folder, "pictures", "before"));
        After = PictureSet.Load(Path.Combine(directory.Folder, "pictures", "after"));
        Progression = ReadProgression(Path.Combine(directory.Folder, "pictures", "evaluations"));
        Events = ReadEvents(Path.Combine(directory.Folder, "events.jsonl"));
    }

    public RunDirectory Directory { get; }

    /// <summary>run.conf as it is.</summary>
    public string ConfigText { get; }

    public IReadOnlyList<MetricsLine> Lines { get; }

    public IReadOnlyList<MetricsLine> Steps => [.. Lines.Where(l => l.Kind == MetricsLine.StepKind)];

    public IReadOnlyList<MetricsLine> Evaluations => [.. Lines.Where(l => l.Kind == MetricsLine.EvaluationKind)];

    public MetricsLine? Stop => Lines.LastOrDefault(l => l.Kind == MetricsLine.StopKind);

    /// <summary>Empty where the journal is in a database.</summary>
    public IReadOnlyList<JournalEntry> Journal { get; }

    public RunCreated? Created => Journal.Select(j => j.Event).OfType<RunCreated>().FirstOrDefault();

    public IReadOnlyList<SamplePicture> Before { get; }

    public IReadOnlyList<SamplePicture> After { get; }

    /// <summary>The pictures of each evaluation, by step, where they are kept.</summary>
    public IReadOnlyList<(int Step, IReadOnlyList<SamplePicture> Samples)> Progression { get; }

    /// <summary>What happened: failures, takeovers, stops.</summary>
    public IReadOnlyList<EventLine> Events { get; }

    /// <summary>SHA-256 of the last committed adapter; null before the first step.</summary>
    public string? AdapterSha256 => Steps is [.., var last] ? last.Adapter : null;

    /// <summary>The last committed step; 0 before the first.</summary>
    public int LastStep => Steps is [.., var last] ? last.Step : 0;

    /// <summary>Pairs of one prompt and one seed, before and after.</summary>
    public IReadOnlyList<GridPair> Pairs
    {
        get
        {
            var befores = Before.DistinctBy(b => (b.Prompt, b.Seed)).ToDictionary(b => (b.Prompt, b.Seed));
            return [.. After.Where(a => befores.ContainsKey((a.Prompt, a.Seed)))
                .Select(a => (Before: befores[(a.Prompt, a.Seed)], After: a))
                .Select(p => new GridPair(p.After.Prompt, p.After.HeldOut, p.Before.Reward, p.After.Reward, p.Before.Png,
                    p.After.Png))];
        }
    }

    /// <exception cref="ConfigException">The folder is no run's.</exception>
    public static RunRecord Read(RunDirectory directory) => new(directory);

    /// <summary>A value of run.conf as text; lists with commas; empty where it is not there (a run of another version).</summary>
    public string Value(string key)
    {
        var path = $"run.{key}";
        if (!_config.HasPath(path))
        {
            return "";
        }
        var value = _config.GetValue(path);
        return value.IsArray() ? string.Join(", ", value.GetStringList()) : value.GetString() ?? "";
    }

    /// <summary>What was trained on, without paths: a name, or a weighted sum.</summary>
    public string Reward => Terms is { Count: > 0 } terms
        ? string.Join(" + ", terms.Select(t => FormattableString.Invariant($"{t.Weight} ({t.Name} - {t.Mean}) / {t.Std}")))
        : Value("reward.name") + (Value("reward.sign") == "-1" ? " (lowered)" : "");

    /// <summary>
    /// Files of the rewards and their fingerprints, by the reward's label; none where the journal is in a database, or of an
    /// older version.
    /// </summary>
    public IReadOnlyList<(string Label, string Hash)> RewardHashes =>
        [.. FilesOf(FileRole.Reward).Select(f => (f.Label, f.Hash))];

    /// <summary>Fingerprint of the model's files, or null.</summary>
    public string? ModelHash => FilesOf(FileRole.Model).FirstOrDefault()?.Hash;

    private IEnumerable<FileFingerprint> FilesOf(FileRole role) => (Created?.Files ?? []).Where(f => f.Role == role);

    private IReadOnlyList<RewardTermConfig> Terms => _config.HasPath("run.reward.terms")
        ? (IReadOnlyList<RewardTermConfig>)RunKeys.Find("reward.terms")
            .Read(Directory.Config, "reward.terms", _config.GetValue("run.reward.terms"))!
        : [];

    /// <summary>The folder name of a path in run.conf: paths of a machine are not for files one gives away.</summary>
    public string NameOf(string key) => Path.GetFileName(Path.TrimEndingDirectorySeparator(Value(key)));

    private static List<(int, IReadOnlyList<SamplePicture>)> ReadProgression(string folder) =>
        !System.IO.Directory.Exists(folder) ? []
        : [.. System.IO.Directory.GetDirectories(folder)
            .Select(f => (Folder: f,
                Step: int.TryParse(Path.GetFileName(f), NumberStyles.None, CultureInfo.InvariantCulture, out var step) ? step
                : -1))
            .Where(f => f.Step >= 0).OrderBy(f => f.Step)
            .Select(f => (f.Step, PictureSet.Load(f.Folder))).Where(f => f.Item2.Count > 0)];

    private static List<EventLine> ReadEvents(string path)
    {
        var events = new List<EventLine>();
        foreach (var line in File.Exists(path) ? File.ReadLines(path) : [])
        {
            try
            {
                if (JsonSerializer.Deserialize<EventLine>(line, JsonSerializerOptions.Web) is { Text: not null } e)
                {
                    events.Add(e);
                }
            }
            catch (JsonException)
            {
                // The torn line of a crash.
            }
        }
        return events;
    }
}

/// <summary>A line of events.jsonl.</summary>
public sealed record EventLine(DateTimeOffset Time, string Kind, string Text);
