using System.Buffers.Binary;
using System.Security.Cryptography;

namespace AlignProp.Adapters;

/// <summary>
/// The hashes A1111 and its extensions know a LoRA file by, as kohya's scripts put them into its metadata
/// (<c>precalculate_safetensors_hashes</c>), so that a file need not be read whole to be recognised. Both are taken of the file
/// as it would be with the <c>ss_</c> keys alone.
/// </summary>
internal static class KohyaHashes
{
    private const int LegacyStart = 0x100000;
    private const int LegacyLength = 0x10000;

    internal static IEnumerable<(string Key, string Hash)> Of(IReadOnlyList<TensorData> tensors,
        IReadOnlyDictionary<string, string> metadata)
    {
        var training = metadata.Where(m => m.Key.StartsWith("ss_", StringComparison.Ordinal))
            .ToDictionary(m => m.Key, m => m.Value);
        var bytes = SafetensorsWriter.Serialize(tensors, training);
        var data = SafetensorsHeader.PrefixLength + (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        yield return ("sshs_model_hash", Hash(bytes.AsSpan(data)));
        var start = Math.Min(LegacyStart, bytes.Length);
        yield return ("sshs_legacy_hash", Hash(bytes.AsSpan(start, Math.Min(LegacyLength, bytes.Length - start)))[..8]);
    }

    private static string Hash(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
