using System.Text.Json;

namespace AlignProp.Adapters;

/// <summary>
/// Weights in several files with a JSON index beside them, as diffusers and transformers write large models:
/// <c>{"metadata": {...}, "weight_map": {"KEY": "FILE"}}</c>. The map decides which file a key is read from.
/// </summary>
internal sealed class ShardedWeights : IWeightFile
{
    private const long MaxLength = 100_000_000;
    private const int MaxShards = 10_000;

    private readonly Dictionary<string, IWeightFile> _owners = new(StringComparer.Ordinal);
    private readonly Dictionary<string, TensorInfo> _tensors = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, IWeightFile> _shards = new(StringComparer.Ordinal);

    private ShardedWeights(string path) => Path = path;

    public string Path { get; }

    public IReadOnlyList<string> Files => [.. _shards.Values.Select(s => s.Path)];

    public IReadOnlyDictionary<string, TensorInfo> Tensors => _tensors;

    public IReadOnlyDictionary<string, string> Metadata =>
        _shards.Values.FirstOrDefault()?.Metadata ?? new Dictionary<string, string>();

    /// <exception cref="WeightFileException">
    /// The index or a shard is malformed, a shard is not there, or keys are not where the index says.
    /// </exception>
    internal static ShardedWeights Open(string path)
    {
        var map = ReadMap(path);
        var weights = new ShardedWeights(path);
        try
        {
            weights.OpenShards(map.Values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList());
            var missing = map.Where(m => !weights._shards[m.Value].Tensors.ContainsKey(m.Key)).ToList();
            if (missing.Count > 0)
            {
                throw new WeightFileException(path, missing[0].Key,
                    $"is not in {missing[0].Value}, where the index says it is{Others(missing.Count)}");
            }

            foreach (var (key, shard) in map)
            {
                weights._owners.Add(key, weights._shards[shard]);
                weights._tensors.Add(key, weights._shards[shard].Tensors[key]);
            }

            return weights;
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    public ReadOnlySpan<byte> Bytes(string name) => Owner(name).Bytes(name);

    public void Release(string name) => Owner(name).Release(name);

    public void Dispose()
    {
        foreach (var shard in _shards.Values)
        {
            shard.Dispose();
        }
    }

    /// <summary>The map of an index: key to the file name of its shard.</summary>
    /// <exception cref="WeightFileException">The index is malformed.</exception>
    internal static Dictionary<string, string> ReadMap(string path)
    {
        using var bytes = MappedBytes.Open(path);
        if (bytes.Length is 0 or > MaxLength)
        {
            throw new WeightFileException(path, null,
                $"{bytes.Length} bytes are no index of shards; expected JSON of at most {MaxLength} bytes");
        }

        return ParseMap(path, bytes.Span(0, (int)bytes.Length).ToArray());
    }

    internal static Dictionary<string, string> ParseMap(string path, ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 8 });
            if (document.RootElement.ValueKind != JsonValueKind.Object
                || !document.RootElement.TryGetProperty("weight_map", out var entries)
                || entries.ValueKind != JsonValueKind.Object)
            {
                throw new WeightFileException(path, null,
                    "is not an index of shards: expected a JSON object with weight_map, an object from key to file name");
            }

            var map = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach (var entry in entries.EnumerateObject())
            {
                if (!map.TryAdd(entry.Name, FileName(path, entry)))
                {
                    throw new WeightFileException(path, entry.Name, "appears twice in weight_map");
                }
            }

            return map.Count > 0 ? map : throw new WeightFileException(path, null, "weight_map is empty");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new WeightFileException(path, null, $"is not valid JSON: {e.Message}", e);
        }
    }

    // An index comes with a download: it may name files beside it and no others.
    private static string FileName(string path, JsonProperty entry)
    {
        var name = entry.Value.ValueKind == JsonValueKind.String ? entry.Value.GetString()! : "";
        return name.Length is > 0 and <= 255 && name is not ("." or "..") && !name.AsSpan().ContainsAny("/\\:\0")
            && !WeightFiles.IsIndex(name)
            ? name
            : throw new WeightFileException(path, entry.Name,
                $"weight_map holds {entry.Value.GetRawText()}, not the name of a file beside the index");
    }

    private static string Others(int count) => count == 1 ? "" : $" (and {count - 1} other keys)";

    private void OpenShards(List<string> names)
    {
        if (names.Count > MaxShards)
        {
            throw new WeightFileException(Path, null, $"weight_map names {names.Count} files, more than {MaxShards}");
        }

        var folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path))!;
        var absent = names.Where(n => !File.Exists(System.IO.Path.Combine(folder, n))).ToList();
        if (absent.Count > 0)
        {
            throw new WeightFileException(Path, null,
                $"{absent.Count} of {names.Count} shards are not beside the index: {string.Join(", ", absent)}");
        }

        foreach (var name in names)
        {
            _shards.Add(name, WeightFiles.OpenOne(System.IO.Path.Combine(folder, name)));
        }
    }

    private IWeightFile Owner(string name) =>
        _owners.TryGetValue(name, out var owner) ? owner
            : throw new WeightFileException(Path, name, "no such tensor in the file");
}
