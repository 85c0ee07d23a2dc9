using System.Diagnostics;
using System.Text.Json;
using AlignProp.Adapters;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Storage;

/// <summary>A process that leads a run.</summary>
/// <param name="Id">Of this process's sitting, and no other's.</param>
public sealed record Leader(string Id, string Machine, int Process, DateTimeOffset Since)
{
    public static Leader Here() =>
        new(Guid.NewGuid().ToString("N"), Environment.MachineName, Environment.ProcessId, DateTimeOffset.UtcNow);

    public override string ToString() => $"process {Process} on {Machine} since {Since.ToLocalTime():yyyy-MM-dd HH:mm:ss}";
}

/// <summary>
/// Who leads the run of a folder. The sign of life is a lock that the system takes back from a process however it ends;
/// <c>leader.json</c> says who holds it. Who may commit is not decided here but by the journal's unique key: this keeps people
/// from starting a run twice, and one process from deleting what another one wrote.
/// </summary>
public sealed class RunLead : IDisposable
{
    // Whoever looks holds the lock for a moment.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(50);

    private readonly RunDirectory _directory;
    private readonly CancellationTokenSource _closing = new();
    private readonly Dictionary<string, string> _published = [];
    private readonly Lock _gate = new();
    private FileStream? _lock;
    private bool _leads;

    private RunLead(RunDirectory directory) => _directory = directory;

    private Leader Self { get; } = Leader.Here();

    /// <summary>This process is the one that leads here, and nobody has taken the run over since.</summary>
    public bool IsOurs => _leads && Read(_directory)?.Id == Self.Id;

    /// <param name="takeOver">Lead although another process does: it finds itself deposed at its next commit.</param>
    /// <param name="waits">Do not lead while another process does, but as soon as it has gone: a standby.</param>
    /// <exception cref="ConfigException">Another process leads; says who, and since when.</exception>
    public static RunLead Take(RunDirectory directory, bool takeOver = false, bool waits = false)
    {
        Directory.CreateDirectory(directory.Folder);
        var lead = new RunLead(directory);
        var waited = Stopwatch.StartNew();
        while (!lead.TryLock() && waited.Elapsed < Patience)
        {
            Thread.Sleep(Interval);
        }
        if (lead._lock is not null || takeOver)
        {
            lead.Begin();
        }
        else if (!waits)
        {
            throw new ConfigException($"{directory.Id} is being led by {Of(directory)?.ToString() ?? "another process"}; "
                + $"see alignprop status --run {directory.Id}; with --take-over it is led from here, and the other one steps "
                + "back");
        }
        if (lead._lock is null)
        {
            _ = lead.WaitAsync();
        }
        return lead;
    }

    /// <summary>Who leads the run of a folder now, or null.</summary>
    public static Leader? Of(RunDirectory directory) => !IsLed(directory) ? null
        : Read(directory) ?? new Leader("", "an unknown machine", 0, File.GetLastWriteTimeUtc(directory.Folder));

    /// <summary>Somebody leads the run of a folder. Where no lock was ever made, an address that lies there says so.</summary>
    public static bool IsLed(RunDirectory directory)
    {
        if (!File.Exists(directory.Lock))
        {
            return File.Exists(directory.Url) || File.Exists(directory.Address);
        }
        try
        {
            using var probe = new FileStream(directory.Lock, FileMode.Open, FileAccess.Read, FileShare.Read);
            return false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return e is not (FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException);
        }
    }

    /// <summary>The runs of a folder that are led, the one that was begun or resumed last first.</summary>
    public static IEnumerable<RunDirectory> Led(string runs) => !Directory.Exists(runs) ? []
        : Directory.GetDirectories(runs).Select(d => new RunDirectory(Path.GetFullPath(d))).Where(IsLed)
            .OrderByDescending(d => Read(d)?.Since.UtcDateTime ?? File.GetLastWriteTimeUtc(d.Url));

    /// <summary>Writes a file that stands for this leader, now or when it leads; it goes with it.</summary>
    public void Publish(string path, string text)
    {
        lock (_gate)
        {
            _published[path] = text;
            if (_leads)
            {
                Write(path, text);
            }
        }
    }

    /// <summary>Ends the lead: removes what this one wrote, and nothing that another one wrote since.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_closing.IsCancellationRequested)
            {
                return;
            }
            _closing.Cancel();
            foreach (var (path, text) in _published)
            {
                if (IsOurs && File.Exists(path) && File.ReadAllText(path) == text)
                {
                    File.Delete(path);
                }
            }
            _leads = false;
            _lock?.Dispose();
        }
    }

    private bool TryLock()
    {
        try
        {
            _lock = new FileStream(_directory.Lock, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            return true;
        }
        catch (IOException) when (File.Exists(_directory.Lock))
        {
            return false;
        }
    }

    private void Begin()
    {
        lock (_gate)
        {
            _leads = true;
            DurableFile.Replace(_directory.Leader, stream => JsonSerializer.Serialize(stream, Self, JsonSerializerOptions.Web));
            foreach (var (path, text) in _published)
            {
                Write(path, text);
            }
        }
    }

    /// <summary>The lock is free when the other process has ended.</summary>
    private async Task WaitAsync()
    {
        while (!_closing.IsCancellationRequested)
        {
            await Task.Delay(Interval * 5, _closing.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            lock (_gate)
            {
                if (_closing.IsCancellationRequested || (_leads && !IsOurs))
                {
                    return;
                }
                if (TryLock())
                {
                    if (!_leads)
                    {
                        Begin();
                    }
                    return;
                }
            }
        }
    }

    private static void Write(string path, string text) =>
        DurableFile.Replace(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(text)));

    private static Leader? Read(RunDirectory directory)
    {
        try
        {
            return JsonSerializer.Deserialize<Leader>(File.ReadAllText(directory.Leader), JsonSerializerOptions.Web);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            return null;
        }
    }
}
