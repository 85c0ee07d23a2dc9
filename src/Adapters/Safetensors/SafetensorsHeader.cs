using System.Buffers.Binary;
using System.Text.Json;

namespace AlignProp.Adapters;

/// <summary>
/// The validated header of a safetensors file: 8 bytes of little-endian length, that many bytes of JSON, then the data.
/// Valid means what the reference implementation demands: known dtypes, byte counts that match the shapes, and tensors that
/// cover the data section without gap or overlap.
/// </summary>
internal sealed class SafetensorsHeader
{
    internal const string MetadataKey = "__metadata__";
    internal const int PrefixLength = 8;

    /// <summary>The reference implementation's limit; a larger length is taken for a corrupted one.</summary>
    internal const long MaxLength = 100_000_000;

    /// <summary>More axes than any tensor has; torch allows as many.</summary>
    private const int MaxRank = 64;

    private const int MaxTensors = 1_000_000;

    private readonly string _source;
    private readonly long _dataLength;
    private readonly Dictionary<string, TensorInfo> _tensors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);

    private SafetensorsHeader(string source, long dataStart, long dataLength)
    {
        _source = source;
        DataStart = dataStart;
        _dataLength = dataLength;
    }

    /// <summary>Offset of the data section in the file.</summary>
    internal long DataStart { get; }

    internal IReadOnlyDictionary<string, TensorInfo> Tensors => _tensors;

    internal IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <summary>Length of the JSON, checked against the limit and the size of the file.</summary>
    internal static int ReadLength(string source, ReadOnlySpan<byte> prefix, long fileLength)
    {
        if (fileLength < PrefixLength)
        {
            throw new SafetensorsException(source, null, $"{fileLength} bytes are too few for a safetensors file");
        }

        var length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > MaxLength)
        {
            throw new SafetensorsException(source, null,
                $"not a safetensors file, or damaged: header length {length} exceeds the limit of {MaxLength} bytes");
        }

        if ((long)length > fileLength - PrefixLength)
        {
            throw new SafetensorsException(source, null,
                $"header length {length} exceeds the file of {fileLength} bytes (truncated?)");
        }

        return (int)length;
    }

    /// <summary>Parses and validates the JSON.</summary>
    internal static SafetensorsHeader Parse(string source, ReadOnlyMemory<byte> json, long fileLength)
    {
        var dataStart = PrefixLength + (long)json.Length;
        var header = new SafetensorsHeader(source, dataStart, fileLength - dataStart);
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 8 });
            header.ReadRoot(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new SafetensorsException(source, null, $"the header is not valid JSON: {e.Message}", e);
        }

        header.RequireCoverage();
        return header;
    }

    private void ReadRoot(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object)
        {
            throw Error(null, "the header is not a JSON object");
        }

        var metadataSeen = false;
        foreach (var property in root.EnumerateObject())
        {
            if (property.Name == MetadataKey)
            {
                if (metadataSeen)
                {
                    throw Error(MetadataKey, "appears twice in the header");
                }

                metadataSeen = true;
                ReadMetadata(property.Value);
            }
            else if (_tensors.Count == MaxTensors)
            {
                throw Error(null, $"the header names more than {MaxTensors} tensors");
            }
            else if (!_tensors.TryAdd(property.Name, ReadTensor(property.Name, property.Value)))
            {
                throw Error(property.Name, "appears twice in the header");
            }
        }
    }

    private void ReadMetadata(JsonElement element)
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            throw Error(MetadataKey, "is not a JSON object");
        }

        foreach (var property in element.EnumerateObject())
        {
            if (property.Value.ValueKind != JsonValueKind.String)
            {
                throw Error($"{MetadataKey}.{property.Name}", "is not a string");
            }

            if (!_metadata.TryAdd(property.Name, property.Value.GetString()!))
            {
                throw Error($"{MetadataKey}.{property.Name}", "appears twice in the header");
            }
        }
    }

    private TensorInfo ReadTensor(string name, JsonElement element)
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            throw Error(name, "its header entry is not a JSON object");
        }

        DType? dtype = null;
        long[]? shape = null, offsets = null;
        foreach (var property in element.EnumerateObject())
        {
            switch (property.Name)
            {
                case "dtype" when dtype is null:
                    dtype = ReadDType(name, property.Value);
                    break;
                case "shape" when shape is null:
                    shape = ReadLongs(name, "shape", property.Value);
                    break;
                case "data_offsets" when offsets is null:
                    offsets = ReadLongs(name, "data_offsets", property.Value);
                    break;
                default:
                    throw Error(name, $"unexpected or repeated field '{property.Name}' in its header entry");
            }
        }

        if (dtype is not { } type || shape is null || offsets is null)
        {
            throw Error(name, "its header entry needs dtype, shape and data_offsets");
        }

        if (offsets.Length != 2 || offsets[0] > offsets[1] || offsets[1] > _dataLength)
        {
            throw Error(name,
                $"data_offsets [{string.Join(", ", offsets)}] do not lie in the {_dataLength} bytes of data (truncated?)");
        }

        var expected = ByteCount(name, type, shape);
        if (expected != offsets[1] - offsets[0])
        {
            throw Error(name,
                $"{type.HeaderName()} [{string.Join(", ", shape)}] needs {expected} bytes, data_offsets give "
                + $"{offsets[1] - offsets[0]}");
        }

        return new TensorInfo(name, type, shape, offsets[0], expected);
    }

    private DType ReadDType(string name, JsonElement element)
    {
        var text = element.ValueKind == JsonValueKind.String ? element.GetString() : element.GetRawText();
        if (DTypes.TryParse(text, out var dtype))
        {
            return dtype;
        }

        var supported = string.Join(", ", Enum.GetValues<DType>().Select(d => d.HeaderName()));
        throw Error(name, $"unsupported dtype '{text}'; supported: {supported}");
    }

    private long[] ReadLongs(string name, string field, JsonElement element)
    {
        if (element.ValueKind != JsonValueKind.Array)
        {
            throw Error(name, $"{field} is not an array");
        }

        if (element.GetArrayLength() > MaxRank)
        {
            throw Error(name, $"{field} has {element.GetArrayLength()} numbers, more than {MaxRank}");
        }

        return [.. element.EnumerateArray()
            .Select(e => e.ValueKind == JsonValueKind.Number && e.TryGetInt64(out var value) && value >= 0
                ? value
                : throw Error(name, $"{field} holds '{e.GetRawText()}', not a whole number of at least 0"))];
    }

    private long ByteCount(string name, DType dtype, long[] shape)
    {
        try
        {
            return checked(shape.Aggregate(1L, (product, size) => checked(product * size)) * dtype.Size());
        }
        catch (OverflowException e)
        {
            throw new SafetensorsException(_source, name, $"shape [{string.Join(", ", shape)}] is too large", e);
        }
    }

    private void RequireCoverage()
    {
        var next = 0L;
        foreach (var tensor in _tensors.Values.OrderBy(t => t.Offset).ThenBy(t => t.ByteCount))
        {
            if (tensor.Offset != next)
            {
                throw Error(tensor.Name, tensor.Offset < next ? "its data overlaps another tensor's"
                    : $"{tensor.Offset - next} unused bytes before its data");
            }

            next += tensor.ByteCount;
        }

        if (next != _dataLength)
        {
            throw Error(null, $"{_dataLength - next} bytes after the last tensor belong to none");
        }
    }

    private SafetensorsException Error(string? key, string problem) => new(_source, key, problem);
}
