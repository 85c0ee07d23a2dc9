using Akka.Actor;
using AlignProp.Adapters;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Runs;

/// <summary>A shard's result with its payload read, or why there is none.</summary>
/// <param name="Payload">What the round takes.</param>
public sealed record ResultReceived(ShardDone Done, IActorRef Worker, object? Payload, string Error = "")
    : INoSerializationVerificationNeeded
{
    /// <param name="read">See <see cref="RoundWork.Read"/>.</param>
    /// <param name="bytes">Null = they did not come.</param>
    public static ResultReceived Read(ShardDone done, IActorRef worker, Func<byte[], object> read, byte[]? bytes)
    {
        if (bytes is null)
        {
            return new ResultReceived(done, worker, null, "the payload did not arrive whole");
        }
        try
        {
            return new ResultReceived(done, worker, read(bytes));
        }
        catch (Exception e) when (e is WeightFileException or LoraFormatException or LoraShapeException or ArgumentException)
        {
            return new ResultReceived(done, worker, null, e.Message);
        }
    }
}

/// <summary>The payload is on its way: over a slow link the device's own reports wait behind the chunks.</summary>
public sealed record ResultArriving(int Shard, DeviceId Device) : INoSerializationVerificationNeeded;
