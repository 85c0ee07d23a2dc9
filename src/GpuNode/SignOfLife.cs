using Akka.Actor;

namespace AlignProp.GpuNode;

/// <summary><c>--alive FILE</c>: a file that is touched while the node's actor answers, for a container's health check.</summary>
internal static class SignOfLife
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    /// <param name="actor">The node's actor of the moment: it changes when the node joins again.</param>
    public static async Task TouchAsync(string file, Func<IActorRef> actor, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                // Nobody cannot be asked (an ArgumentException), and is whom there is until the first actor system has started.
                if (actor() is { } node && !node.IsNobody()
                    && await node.Ask<ActorIdentity>(new Identify(null), Interval, stop) is { Subject: not null })
                {
                    await File.WriteAllTextAsync(file, "", stop);
                }
                await Task.Delay(Interval, stop);
            }
            catch (Exception e) when (e is AskTimeoutException or OperationCanceledException or IOException)
            {
                // Between two actor systems nobody answers; a file that is not touched says so.
            }
        }
    }
}
