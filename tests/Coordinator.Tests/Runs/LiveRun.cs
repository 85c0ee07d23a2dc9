using AlignProp.Coordinator.Runs;
using AlignProp.Coordinator.Storage;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Tests.Runs;

/// <summary>A run in progress: a coordinator of this process, its nodes, and what it reported.</summary>
internal sealed class LiveRun : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(180);

    private readonly List<NodeProcess> _nodes = [];

    private LiveRun(RunDirectory directory, Record record, CoordinatorHost host) =>
        (Directory, Record, Host) = (directory, record, host);

    public RunDirectory Directory { get; }

    public Record Record { get; }

    public CoordinatorHost Host { get; }

    /// <summary>Starts or resumes the run of that name.</summary>
    public static async Task<LiveRun> StartAsync(TestRuns runs, string id, CoordinatorOptions? options = null,
        IAdapterStore? blobs = null, RunConfig? config = null)
    {
        var (record, directory) = (new Record(), runs.Directory_(id));
        var host = await CoordinatorHost.StartAsync(config ?? runs.Config(), "", TestRuns.Training, TestRuns.HeldOut, directory,
            options ?? new CoordinatorOptions(), record, blobs);
        return new LiveRun(directory, record, host);
    }

    /// <summary>
    /// The adapter's hash after every step that the journal tells. A coordinator that is stopped may have committed one more than
    /// it came to report.
    /// </summary>
    public async Task<IReadOnlyList<string>> CommittedAsync() => [.. (await Journal.ReadAsync(Directory))
        .Select(e => e.Event).OfType<StepCommittedEvent>().Select(s => s.AdapterHash.Value)];

    /// <summary>The adapter's hash after every step this coordinator reported.</summary>
    public IReadOnlyList<string> Hashes => [.. Record.All<StepCommitted>().Select(s => s.AdapterSha256)];

    public NodeProcess Node(string name, string delay = "20ms", string fault = "none", string devices = "cpu")
    {
        var node = new NodeProcess(Host.Address, name, delay, fault, devices);
        _nodes.Add(node);
        return node;
    }

    public Task Until<T>(Func<T, bool> which) where T : RunProgress => Until(e => e is T t && which(t));

    public async Task Until(Func<RunProgress, bool> which)
    {
        try
        {
            await Record.Until(which);
        }
        catch (TimeoutException)
        {
            Assert.Fail(Story());
        }
    }

    public async Task<RunProgress> FinishedAsync()
    {
        if (await Task.WhenAny(Host.Finished, Task.Delay(Patience)) != Host.Finished)
        {
            Assert.Fail(Story());
        }
        return await Host.Finished;
    }

    public async Task<RunStopped> StoppedAsync() => await FinishedAsync() as RunStopped
        ?? throw new InvalidOperationException(Story());

    public async Task<RunFailed> FailedAsync() => await FinishedAsync() as RunFailed
        ?? throw new InvalidOperationException(Story());

    /// <summary>Everything that happened, for a test that fails.</summary>
    public string Story() =>
        string.Join('\n', Record.All<RunProgress>().Where(e => e is not (ShardsChanged or ShardTimed)).Select(e => e.ToString())
        .Concat(_nodes.SelectMany(n => n.Lines.Prepend("--- node"))));

    public async ValueTask DisposeAsync()
    {
        await Host.DisposeAsync();
        _nodes.ForEach(n => n.Dispose());
    }
}
