using Akka.Actor;
using AlignProp.Adapters;
using AlignProp.Messages;

namespace AlignProp.Coordinator.Runs;

/// <summary>A shard's result with its payload read, or why there is none.</summary>
/// <param name="Payload"><see cref="LoraWeights"/>, or <see cref="EvaluationPayload"/> of an evaluation.</param>
public sealed record ResultReceived(ShardDone Done, IActorRef Worker, object? Payload, string Error = "")
    : INoSerializationVerificationNeeded
{
    /// <param name="bytes">Null = they did not come.</param>
    public static ResultReceived Read(ShardDone done, IActorRef worker, bool evaluation, byte[]? bytes)
    {
        if (bytes is null)
        {
            return new ResultReceived(done, worker, null, "the payload did not arrive whole");
        }
        try
        {
            object payload = evaluation ? EvaluationPayload.Deserialize(bytes) : LoraWeights.Deserialize(bytes);
            return new ResultReceived(done, worker, payload);
        }
        catch (Exception e) when (e is WeightFileException or LoraFormatException or LoraShapeException or ArgumentException)
        {
            return new ResultReceived(done, worker, null, e.Message);
        }
    }
}

/// <summary>The payload is on its way: over a slow link the device's own reports wait behind the chunks.</summary>
public sealed record ResultArriving(int Shard, DeviceId Device) : INoSerializationVerificationNeeded;
