using System.Buffers.Binary;

namespace AlignProp.Messages;

/// <summary>The payload of a roll-out: its rewards as fp32, little-endian, in sample order.</summary>
public static class RewardsPayload
{
    public static byte[] Serialize(IReadOnlyList<float> rewards)
    {
        var bytes = new byte[rewards.Count * sizeof(float)];
        for (var i = 0; i < rewards.Count; i++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(i * sizeof(float)), rewards[i]);
        }
        return bytes;
    }

    /// <exception cref="ArgumentException">No whole number of values.</exception>
    public static float[] Deserialize(byte[] payload) => payload.Length % sizeof(float) == 0
        ? [.. Enumerable.Range(0, payload.Length / sizeof(float))
            .Select(i => BinaryPrimitives.ReadSingleLittleEndian(payload.AsSpan(i * sizeof(float))))]
        : throw new ArgumentException($"rewards of {payload.Length} bytes: expected 4 each");
}
