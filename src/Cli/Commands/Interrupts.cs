namespace AlignProp.Cli.Commands;

/// <summary>
/// Ctrl-C ends what was begun last: in the console the running verb, else the program. A request to terminate ends all.
/// </summary>
public static class Interrupts
{
    private static readonly Lock Gate = new();
    private static readonly Stack<CancellationTokenSource> Running = new();

    /// <summary>Until disposed, an interrupt is for this.</summary>
    public static IDisposable Begin(out CancellationToken token)
    {
        var source = new CancellationTokenSource();
        lock (Gate)
        {
            Running.Push(source);
        }
        token = source.Token;
        return new Scope();
    }

    public static void Fire(bool all)
    {
        CancellationTokenSource[] sources;
        lock (Gate)
        {
            sources = all ? [.. Running] : [.. Running.Take(1)];
        }
        foreach (var source in sources)
        {
            source.Cancel();
        }
    }

    private sealed class Scope : IDisposable
    {
        public void Dispose()
        {
            lock (Gate)
            {
                // Not disposed: a signal may be cancelling it at this moment.
                Running.Pop();
            }
        }
    }
}
