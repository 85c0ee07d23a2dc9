using System.Buffers;
using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace AlignProp.Adapters;

/// <summary>
/// Writes safetensors files whose bytes depend only on their content, not on the order in which it is given: tensors lie by
/// descending element size (so that all are aligned), then by ordinal name; metadata is sorted by ordinal key and comes first;
/// the header is padded with spaces to a multiple of 8.
/// </summary>
public static class SafetensorsWriter
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>
    /// Writes the file so that after a crash at any moment the path holds either what it held before or the whole new file.
    /// Missing directories are not created.
    /// </summary>
    /// <exception cref="ArgumentException">
    /// A name appears twice or is reserved, or a tensor's bytes do not fit its shape.
    /// </exception>
    public static void Write(string path, IEnumerable<TensorData> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var ordered = Order(tensors);
        var header = Header([.. ordered.Select(t => (t.Name, t.DType, t.Shape, (long)t.Bytes.Length))], metadata);
        DurableFile.Replace(path, stream =>
        {
            stream.Write(header);
            foreach (var tensor in ordered)
            {
                stream.Write(tensor.Bytes.Span);
            }
        });
    }

    /// <summary>The bytes <see cref="Write"/> would write.</summary>
    /// <exception cref="ArgumentException">
    /// A name appears twice or is reserved, or a tensor's bytes do not fit its shape.
    /// </exception>
    public static byte[] Serialize(IEnumerable<TensorData> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var ordered = Order(tensors);
        var header = Header([.. ordered.Select(t => (t.Name, t.DType, t.Shape, (long)t.Bytes.Length))], metadata);
        var bytes = new byte[header.Length + ordered.Sum(t => (long)t.Bytes.Length)];
        header.CopyTo(bytes, 0);
        var position = header.Length;
        foreach (var tensor in ordered)
        {
            tensor.Bytes.Span.CopyTo(bytes.AsSpan(position));
            position += tensor.Bytes.Length;
        }

        return bytes;
    }

    /// <summary>
    /// Like <see cref="Write"/>, for tensors that do not fit in memory together: each is asked to write its bytes when its turn
    /// comes.
    /// </summary>
    /// <param name="path">Where to.</param>
    /// <param name="tensors">Names, dtypes and shapes; where they lie elsewhere does not matter here.</param>
    /// <param name="write">Writes the row-major little-endian elements of a tensor.</param>
    /// <param name="metadata">The file's <c>__metadata__</c>.</param>
    /// <exception cref="ArgumentException">A tensor's bytes do not fit its shape.</exception>
    public static void WriteStreaming(
        string path, IReadOnlyList<TensorInfo> tensors, Action<TensorInfo, Stream> write,
            IReadOnlyDictionary<string, string>? metadata = null)
    {
        TensorInfo[] ordered = [.. tensors.OrderByDescending(t => t.DType.Size()).ThenBy(t => t.Name, StringComparer.Ordinal)];
        var header = Header([.. ordered.Select(t => (t.Name, t.DType, t.Shape, t.ByteCount))], metadata);
        DurableFile.Replace(path, stream =>
        {
            stream.Write(header);
            foreach (var tensor in ordered)
            {
                var start = stream.Position;
                write(tensor, stream);
                if (stream.Position - start != tensor.ByteCount)
                {
                    throw new ArgumentException(
                        $"tensor '{tensor.Name}' has {stream.Position - start} bytes, expected {tensor.ByteCount}",
                        nameof(write));
                }
            }
        });
    }

    private static TensorData[] Order(IEnumerable<TensorData> tensors)
    {
        TensorData[] ordered = [.. tensors.OrderByDescending(t => t.DType.Size()).ThenBy(t => t.Name, StringComparer.Ordinal)];
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var tensor in ordered)
        {
            if (tensor.Name == SafetensorsHeader.MetadataKey || !names.Add(tensor.Name))
            {
                throw new ArgumentException($"tensor name '{tensor.Name}' is reserved or appears twice", nameof(tensors));
            }

            var expected = tensor.Shape.Aggregate((long)tensor.DType.Size(), (product, size) => checked(product * size));
            if (tensor.Shape.Any(size => size < 0) || expected != tensor.Bytes.Length)
            {
                throw new ArgumentException(
                    $"tensor '{tensor.Name}': {tensor.DType.HeaderName()} [{string.Join(", ", tensor.Shape)}] needs {expected} "
                        + $"bytes, not {tensor.Bytes.Length}",
                    nameof(tensors));
            }
        }

        return ordered;
    }

    private static byte[] Header((string Name, DType DType, long[] Shape, long ByteCount)[] ordered,
        IReadOnlyDictionary<string, string>? metadata)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, Options))
        {
            json.WriteStartObject();
            WriteMetadata(json, metadata);
            var offset = 0L;
            foreach (var tensor in ordered)
            {
                WriteTensor(json, tensor, offset);
                offset += tensor.ByteCount;
            }

            json.WriteEndObject();
        }

        var padded = (buffer.WrittenCount + 7) / 8 * 8;
        var header = new byte[SafetensorsHeader.PrefixLength + padded];
        BinaryPrimitives.WriteUInt64LittleEndian(header, (ulong)padded);
        buffer.WrittenSpan.CopyTo(header.AsSpan(SafetensorsHeader.PrefixLength));
        header.AsSpan(SafetensorsHeader.PrefixLength + buffer.WrittenCount).Fill((byte)' ');
        return header;
    }

    private static void WriteMetadata(Utf8JsonWriter json, IReadOnlyDictionary<string, string>? metadata)
    {
        if (metadata is null || metadata.Count == 0)
        {
            return;
        }

        json.WriteStartObject(SafetensorsHeader.MetadataKey);
        foreach (var (key, value) in metadata.OrderBy(p => p.Key, StringComparer.Ordinal))
        {
            json.WriteString(key, value);
        }

        json.WriteEndObject();
    }

    private static void WriteTensor(Utf8JsonWriter json, (string Name, DType DType, long[] Shape, long ByteCount) tensor,
        long offset)
    {
        json.WriteStartObject(tensor.Name);
        json.WriteString("dtype", tensor.DType.HeaderName());
        json.WriteStartArray("shape");
        foreach (var size in tensor.Shape)
        {
            json.WriteNumberValue(size);
        }

        json.WriteEndArray();
        json.WriteStartArray("data_offsets");
        json.WriteNumberValue(offset);
        json.WriteNumberValue(offset + tensor.ByteCount);
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
