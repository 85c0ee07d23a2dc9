using System.Data.Common;
using System.Threading.Channels;

namespace AlignProp.Coordinator.Runs;

/// <summary>Takes reports off the actor's thread: pictures and files are written by one reader, in order.</summary>
internal sealed class ProgressRelay : IProgress<RunProgress>
{
    private readonly Channel<RunProgress> _channel =
        Channel.CreateUnbounded<RunProgress>(new UnboundedChannelOptions { SingleReader = true });
    private readonly TaskCompletionSource<RunProgress> _finished = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _reader;

    public ProgressRelay(IProgress<RunProgress> inner) => _reader = Task.Run(async () =>
    {
        await foreach (var value in _channel.Reader.ReadAllAsync())
        {
            Deliver(inner, value);
            if (value is RunStopped or RunFailed)
            {
                _finished.TrySetResult(value);
            }
            else if (value is RunSuperseded superseded)
            {
                Superseded?.Invoke(superseded);
            }
        }
    });

    public Task<RunProgress> Finished => _finished.Task;

    public Action<RunSuperseded>? Superseded { get; set; }

    public void Report(RunProgress value) => _channel.Writer.TryWrite(value);

    public async Task CompleteAsync()
    {
        _channel.Writer.TryComplete();
        await _reader;
        _finished.TrySetCanceled();
    }

    private static void Deliver(IProgress<RunProgress> inner, RunProgress value)
    {
        try
        {
            inner.Report(value);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException or DbException)
        {
            // A report that cannot be written (a full disk) is not worth a run.
            inner.Report(new RunNotice($"a report could not be written: {e.Message}"));
        }
    }
}
