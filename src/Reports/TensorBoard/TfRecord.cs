using System.Buffers.Binary;
using System.Numerics;

namespace AlignProp.Reports.TensorBoard;

/// <summary>
/// TFRecord: length (uint64), its checksum, the data, its checksum; little-endian. The checksum is CRC-32C, rotated and offset,
/// as TensorFlow's record_writer documents it, so that the checksum of data that holds checksums means something.
/// </summary>
internal static class TfRecord
{
    private const uint MaskDelta = 0xa282ead8;

    /// <summary>One record in one piece: written at once, a crash tears only the last.</summary>
    public static byte[] Frame(ReadOnlySpan<byte> data)
    {
        var record = new byte[data.Length + 16];
        BinaryPrimitives.WriteUInt64LittleEndian(record, (ulong)data.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(8), Masked(record.AsSpan(0, 8)));
        data.CopyTo(record.AsSpan(12));
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(12 + data.Length), Masked(data));
        return record;
    }

    private static uint Masked(ReadOnlySpan<byte> data)
    {
        var crc = uint.MaxValue;
        foreach (var value in data)
        {
            crc = BitOperations.Crc32C(crc, value);
        }
        return BitOperations.RotateRight(~crc, 15) + MaskDelta;
    }
}
