using System.Buffers.Binary;
using System.Text.Json;

namespace AlignProp.Adapters;

internal delegate ReadOnlySpan<byte> ReadBytes(long at, int count);

/// <summary>The parsed and checked header: every tensor lies inside the file, has the size of its shape, and overlaps none.</summary>
internal sealed record SafetensorsHeader(IReadOnlyDictionary<string, TensorInfo> Tensors, IReadOnlyDictionary<string, string> Metadata, long DataStart)
{
    private const long MaxHeader = 100_000_000;

    public static SafetensorsHeader Parse(ReadBytes read, long total, string origin)
    {
        if (total < 8)
        {
            throw new SafetensorsException($"{origin}: {total} bytes are too few for a safetensors file");
        }
        var length = BinaryPrimitives.ReadUInt64LittleEndian(read(0, 8));
        if (length > MaxHeader || 8 + (long)length > total)
        {
            throw new SafetensorsException($"{origin}: header length {length} does not fit a file of {total} bytes (truncated, or not safetensors)");
        }
        var dataStart = 8 + (long)length;
        var tensors = new Dictionary<string, TensorInfo>();
        var metadata = new Dictionary<string, string>();
        try
        {
            using var document = JsonDocument.Parse(read(8, (int)length).ToArray());
            foreach (var entry in document.RootElement.EnumerateObject())
            {
                if (entry.Name == "__metadata__")
                {
                    foreach (var pair in entry.Value.EnumerateObject())
                    {
                        metadata[pair.Name] = pair.Value.GetString() ?? "";
                    }
                    continue;
                }
                tensors[entry.Name] = ReadInfo(entry, total - dataStart, origin);
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw new SafetensorsException($"{origin}: the header is not valid safetensors JSON ({e.Message})", e);
        }
        CheckOverlaps(tensors.Values, origin);
        return new SafetensorsHeader(tensors, metadata, dataStart);
    }

    private static TensorInfo ReadInfo(JsonProperty entry, long dataLength, string origin)
    {
        var name = entry.Value.GetProperty("dtype").GetString() ?? "";
        var dtype = DTypes.Parse(name) ?? throw new SafetensorsException($"{origin}: {entry.Name} has unknown dtype {name}");
        var shape = entry.Value.GetProperty("shape").EnumerateArray().Select(d => d.GetInt64()).ToArray();
        var offsets = entry.Value.GetProperty("data_offsets").EnumerateArray().Select(d => d.GetInt64()).ToArray();
        if (offsets.Length != 2 || offsets[0] < 0 || offsets[1] < offsets[0] || offsets[1] > dataLength)
        {
            throw new SafetensorsException(
                $"{origin}: {entry.Name} lies at bytes [{string.Join(", ", offsets)}] of {dataLength} (truncated file?)");
        }
        long expected;
        try
        {
            expected = checked(shape.Aggregate((long)dtype.Size(), (product, d) => d < 0 ? throw new OverflowException() : product * d));
        }
        catch (OverflowException)
        {
            throw new SafetensorsException($"{origin}: {entry.Name} has an impossible shape [{string.Join(", ", shape)}]");
        }
        return offsets[1] - offsets[0] == expected
            ? new TensorInfo(entry.Name, dtype, shape, offsets[0], expected)
            : throw new SafetensorsException(
                $"{origin}: {entry.Name} of shape [{string.Join(", ", shape)}] {name} needs {expected} bytes, the file has {offsets[1] - offsets[0]}");
    }

    private static void CheckOverlaps(IEnumerable<TensorInfo> tensors, string origin)
    {
        TensorInfo? before = null;
        foreach (var tensor in tensors.Where(t => t.ByteCount > 0).OrderBy(t => t.Offset))
        {
            if (before is not null && tensor.Offset < before.Offset + before.ByteCount)
            {
                throw new SafetensorsException($"{origin}: {before.Name} and {tensor.Name} overlap");
            }
            before = tensor;
        }
    }
}
