using System.Diagnostics;
using Akka.Actor;
using AlignProp.Messages;

namespace AlignProp.Clustering;

/// <summary>
/// Fetches one blob from the actor that holds it, chunk by chunk, asks again after silence, checks the bytes by their hash, tells
/// its parent and stops. Nodes fetch adapters with it, the coordinator results.
/// </summary>
public sealed class BlobFetcher : ReceiveActor
{
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan SayInterval = TimeSpan.FromSeconds(1);

    private readonly BlobTransfer _transfer;
    private readonly IActorRef _holder;
    private readonly Func<byte[]?, object> _answer;
    private readonly object? _arriving;
    private readonly FetchTrace _trace;
    private Activity? _span;
    private int _retries;
    private DateTimeOffset _said = DateTimeOffset.MinValue;

    /// <summary>For <see cref="Props"/>, which says what these are.</summary>
    public BlobFetcher(
        BlobRef blob, IActorRef holder, Func<byte[]?, object> answer, FetchTrace trace, object? arriving, int retries)
    {
        (_transfer, _holder, _answer, _trace) = (new BlobTransfer(blob), holder, answer, trace);
        (_arriving, _retries) = (arriving, retries);
        Receive<BlobChunk>(OnChunk);
        Receive<BlobMissing>(missing => missing.Hash == blob.Hash, _ => Finish(null));
        Receive<ReceiveTimeout>(_ => OnSilence());
    }

    /// <param name="answer">
    /// What the parent is told, made on this actor's thread: of the bytes; of null where the holder has them no longer, stays
    /// silent, or sent others than it announced.
    /// </param>
    /// <param name="trace">Where its span hangs.</param>
    /// <param name="arriving">What the parent is told once a second while chunks come; null = nothing.</param>
    /// <param name="retries">How often 2 s of silence are answered by asking again.</param>
    public static Props Props(BlobRef blob, IActorRef holder, Func<byte[]?, object> answer, FetchTrace trace,
        object? arriving = null, int retries = int.MaxValue) =>
        Akka.Actor.Props.Create(() => new BlobFetcher(blob, holder, answer, trace, arriving, retries));

    protected override void PreStart()
    {
        _span = _trace.Begin(_transfer.Blob);
        SetReceiveTimeout(Silence);
        Ask(_transfer.Start());
    }

    protected override void PostStop() => _span.End("given up");

    private void OnChunk(BlobChunk chunk)
    {
        var now = Context.System.Scheduler.Now;
        if (_arriving is not null && now - _said >= SayInterval)
        {
            _said = now;
            Context.Parent.Tell(_arriving);
        }
        if (_transfer.Receive(chunk) is { } next)
        {
            _holder.Tell(next);
        }
        if (_transfer.IsComplete)
        {
            Finish(_transfer.Verified());
        }
    }

    private void OnSilence()
    {
        if (--_retries < 0)
        {
            Finish(null);
            return;
        }
        Ask(_transfer.Retry());
    }

    private void Finish(byte[]? bytes)
    {
        _span.End(bytes is null ? "it did not arrive whole" : null);
        Context.Parent.Tell(_answer(bytes));
        Context.Stop(Self);
    }

    private void Ask(IEnumerable<FetchChunk> requests)
    {
        foreach (var request in requests)
        {
            _holder.Tell(request);
        }
    }
}
