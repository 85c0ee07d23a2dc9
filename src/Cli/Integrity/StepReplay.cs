using AlignProp.Coordinator.Runs;
using AlignProp.Coordinator.Storage;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;

namespace AlignProp.Cli.Integrity;

/// <summary>
/// Computes steps of a run again, from the adapter and moments before them, with a coordinator and nodes like those that computed
/// them: in a folder of its own, which is gone afterwards.
/// </summary>
/// <param name="history">The run's events; those after the first step that is computed are not read.</param>
internal sealed class StepReplay(RunDirectory run, RunConfig config, IReadOnlyList<string> training,
    IReadOnlyList<string> heldOut, IReadOnlyList<DeviceName> devices, IReadOnlyList<IRunEvent> history) : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("alignprop-verify-").FullName;
    private int _count;

    /// <summary>
    /// Computes the steps after one, and tells each adapter's hash; stops where <paramref name="told"/> says false.
    /// </summary>
    /// <param name="after">The step whose adapter and moments are at hand.</param>
    /// <param name="blobs">That adapter, those moments, and the adapter that made the batch, where it is another one.</param>
    /// <returns>Null, or why it could not be computed.</returns>
    public async Task<string?> RunAsync(int after, int last, IEnumerable<byte[]> blobs, Func<int, string, bool> told,
        CancellationToken cancellation)
    {
        var scratch = new RunDirectory(Path.Combine(_folder, $"{++_count}", run.Id));
        var store = new DirectoryAdapterStore(scratch.Blobs);
        foreach (var blob in blobs)
        {
            store.Put(blob);
        }
        await JournalWriter.WriteAsync(scratch, new RunId(run.Id), Before(after));
        var listener = new Listener(last, told);
        var failures = new List<string>();
        await using var host = await CoordinatorHost.StartAsync(config, RunFileWriter.Render(config), training, heldOut, scratch,
            new CoordinatorOptions(), listener, store);
        await using var nodes = NodeProcesses.Start([host.Address], devices, config.Model.ThreadsPerShard, scratch.Logs,
            failures.Add);
        await Task.WhenAny(listener.Done, host.Finished, Task.Delay(Timeout.Infinite, cancellation));
        cancellation.ThrowIfCancellationRequested();
        return listener.Done.IsCompleted ? null
            : await host.Finished is RunFailed failed ? failed.Error
            : $"the run ended before step {last}: {((RunStopped)await host.Finished).Reason}";
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>What the journal told up to a step, as one coordinator.</summary>
    private List<IRunEvent> Before(int step)
    {
        List<IRunEvent> events = [new CoordinatorElected(1, "verify", "verify")];
        foreach (var e in history)
        {
            switch (e)
            {
                case StepCommittedEvent committed when committed.Step > step:
                    return events;
                case StepCommittedEvent committed:
                    events.Add(committed with { Term = 1 });
                    break;
                case RunCreated or EvaluationRecorded:
                    events.Add(e);
                    break;
            }
        }
        return events;
    }

    private sealed class Listener(int last, Func<int, string, bool> told) : IProgress<RunProgress>
    {
        private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Done => _done.Task;

        public void Report(RunProgress value)
        {
            if (value is StepCommitted step && !_done.Task.IsCompleted
                && (!told(step.Step, step.AdapterSha256) || step.Step >= last))
            {
                _done.TrySetResult();
            }
        }
    }
}
