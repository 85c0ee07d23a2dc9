using System.Text.Encodings.Web;
using System.Text.Json;

namespace AlignProp.Adapters.Configurations;

/// <summary>
/// A configuration file as diffusers and transformers write it: keys may be absent, and then the class's default holds; null
/// counts as absent, unless it is asked for.
/// </summary>
public sealed class JsonConfig
{
    private const int LongestValue = 300;

    private static readonly JsonSerializerOptions OneLine = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly JsonElement _root;
    private readonly HashSet<string> _unset = new(StringComparer.Ordinal);
    private readonly HashSet<string> _asked = new(StringComparer.Ordinal);

    private JsonConfig(JsonElement root, string path)
    {
        _root = root;
        Path = path;
        // diffusers lists here what it filled in itself, and forgets those values when another class reads them.
        if (root.TryGetProperty("_use_default_values", out var unset) && unset.ValueKind == JsonValueKind.Array)
        {
            _unset.UnionWith(unset.EnumerateArray().Where(v => v.ValueKind == JsonValueKind.String).Select(v => v.GetString()!));
        }
    }

    /// <summary>File the values came from, for error messages.</summary>
    public string Path { get; }

    /// <summary>Every key of the file, in its order.</summary>
    public IReadOnlyList<string> Keys =>
        [.. _root.EnumerateObject().Select(p => p.Name).Where(k => !_unset.Contains(k)).Distinct()];

    /// <summary>Keys that were asked for, there or not.</summary>
    internal IReadOnlyCollection<string> Asked => _asked;

    /// <exception cref="ModelFileException">The file is missing or is not a JSON object.</exception>
    public static JsonConfig Load(string path)
    {
        if (!File.Exists(path))
        {
            throw new ModelFileException($"{path}: file not found; a diffusers/transformers folder has it");
        }
        return Parse(path, Utf8Text.Bytes(path, m => new ModelFileException(m)));
    }

    /// <exception cref="ModelFileException">Not a JSON object.</exception>
    public static JsonConfig Parse(string path, ReadOnlySpan<byte> utf8)
    {
        try
        {
            using var document = JsonDocument.Parse(PythonJson.Standard(utf8));
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw new ModelFileException($"{path}: expected a JSON object");
            }
            JsonText.Require(document.RootElement);
            return new JsonConfig(document.RootElement.Clone(), path);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new ModelFileException($"{path}: not valid JSON ({e.Message})", e);
        }
    }

    public int Int(string key, int otherwise) => Find(key) is { } v ? Read(key, v, e => e.GetInt32(), "an integer") : otherwise;

    public double Double(string key, double otherwise) => Find(key) is { } v ? Read(key, v, e => e.GetDouble(), "a number")
        : otherwise;

    public bool Bool(string key, bool otherwise) => Find(key) is { } v ? Read(key, v, e => e.GetBoolean(), "true or false")
        : otherwise;

    public string Text(string key, string otherwise) => Find(key) is { } v ? Read(key, v, e => e.GetString()!, "a string")
        : otherwise;

    public string[] Texts(string key, string[] otherwise) =>
        Find(key) is { } v ? Read(key, v, e => e.EnumerateArray().Select(x => x.GetString()!).ToArray(), "a list of strings")
            : otherwise;

    /// <summary>A list of integers, or one integer that stands for all <paramref name="count"/> levels.</summary>
    public int[] IntPerLevel(string key, int count, int otherwise)
    {
        if (Find(key) is not { } v)
        {
            return Enumerable.Repeat(otherwise, count).ToArray();
        }
        var values = Read(key, v, e => e.ValueKind == JsonValueKind.Array
            ? e.EnumerateArray().Select(x => x.GetInt32()).ToArray()
            : Enumerable.Repeat(e.GetInt32(), count).ToArray(), "an integer or a list of integers");
        return values.Length == count
            ? values
            : throw new ModelFileException($"{Path}: {key} has {values.Length} values, expected {count} (one per level)");
    }

    public int[] Ints(string key, int[] otherwise) =>
        Find(key) is { } v ? Read(key, v, e => e.EnumerateArray().Select(x => x.GetInt32()).ToArray(), "a list of integers")
            : otherwise;

    /// <summary>A nested object; empty where the key is absent, so that defaults hold.</summary>
    /// <exception cref="ModelFileException">The key is there with another value.</exception>
    public JsonConfig Object(string key) => Find(key) switch
    {
        null => new JsonConfig(JsonDocument.Parse("{}").RootElement, Path),
        { ValueKind: JsonValueKind.Object } v => new JsonConfig(v, $"{Path}:{key}"),
        _ => throw Wrong(key, "an object"),
    };

    /// <summary>A list of objects; empty where the key is absent.</summary>
    /// <exception cref="ModelFileException">The key is there with another value.</exception>
    public IReadOnlyList<JsonConfig> Objects(string key) => Find(key) switch
    {
        null => [],
        { ValueKind: JsonValueKind.Array } v when v.EnumerateArray().All(e => e.ValueKind == JsonValueKind.Object) =>
            [.. v.EnumerateArray().Select((e, i) => new JsonConfig(e, $"{Path}:{key}[{i}]"))],
        _ => throw Wrong(key, "a list of objects"),
    };

    public bool Has(string key) => Find(key) is not null;

    /// <summary>Present with the value null, which may mean another thing than absent.</summary>
    public bool IsNull(string key)
    {
        _asked.Add(key);
        return _root.TryGetProperty(key, out var v) && v.ValueKind == JsonValueKind.Null;
    }

    public bool IsList(string key) => Find(key) is { ValueKind: JsonValueKind.Array };

    public bool IsObject(string key) => Find(key) is { ValueKind: JsonValueKind.Object };

    /// <summary>A list that holds lists.</summary>
    public bool IsNested(string key) => Find(key) is { ValueKind: JsonValueKind.Array } v
        && v.EnumerateArray().Any(e => e.ValueKind == JsonValueKind.Array);

    /// <summary>A list of flags, or one flag that stands for all <paramref name="count"/> levels.</summary>
    public bool[] BoolPerLevel(string key, int count, bool otherwise)
    {
        if (!IsList(key))
        {
            return Enumerable.Repeat(Bool(key, otherwise), count).ToArray();
        }
        var values = Read(key, Find(key)!.Value, e => e.EnumerateArray().Select(x => x.GetBoolean()).ToArray(),
            "a flag or a list of flags");
        return values.Length == count ? values : throw Wrong(key, $"{values.Length} values", $"{count} (one per level)");
    }

    /// <summary>
    /// One integer for all, one per level, or a list of them per level with one for each of the level's layers.
    /// </summary>
    public int[][] IntsPerLevel(string key, int[] layers, int otherwise)
    {
        if (!IsNested(key))
        {
            return [.. IntPerLevel(key, layers.Length, otherwise)
                .Zip(layers, (value, n) => Enumerable.Repeat(value, n).ToArray())];
        }
        var levels = Find(key)!.Value.EnumerateArray().ToArray();
        if (levels.Length != layers.Length)
        {
            throw Wrong(key, $"{levels.Length} values", $"{layers.Length} (one per level)");
        }
        return [.. levels.Zip(layers, (level, n) => Read(key, level, e => e.ValueKind == JsonValueKind.Array
            ? e.EnumerateArray().Select(x => x.GetInt32()).ToArray()
            : Enumerable.Repeat(e.GetInt32(), n).ToArray(), "integers") is var values && values.Length >= n
                ? values
                : throw Wrong(key, $"{values.Length} values in a level", $"{n} (one per layer)"))];
    }

    /// <exception cref="ModelFileException">Another value than the allowed ones.</exception>
    public string OneOf(string key, string otherwise, params string[] allowed) =>
        Text(key, otherwise) is var value && allowed.Contains(value) ? value : throw Wrong(key, string.Join(" or ", allowed));

    /// <exception cref="ModelFileException">Another value than the allowed ones.</exception>
    public int OneOf(string key, int otherwise, params int[] allowed) =>
        Int(key, otherwise) is var value && allowed.Contains(value) ? value : throw Wrong(key, string.Join(" or ", allowed));

    /// <summary>A key whose value cannot be used.</summary>
    public ModelFileException Wrong(string key, string expected) => Wrong(key, Value(key), expected);

    /// <summary>The same, where something else than the value is to be said.</summary>
    public ModelFileException Wrong(string key, string found, string expected) =>
        new($"{Path}: {key} = {found} is not supported; expected {expected}");

    /// <summary>A key's value on one line, whatever its type; the middle of a long one is left out.</summary>
    public string Value(string key) => _root.TryGetProperty(key, out var v) ? Shown(v) : "nothing";

    /// <summary>The value itself; null where the key is absent, or null.</summary>
    internal JsonElement? Find(string key)
    {
        _asked.Add(key);
        return !_unset.Contains(key) && _root.TryGetProperty(key, out var v) && v.ValueKind != JsonValueKind.Null ? v : null;
    }

    private static string Shown(JsonElement value)
    {
        var text = value.ValueKind == JsonValueKind.String ? WeightFileException.OneLine(value.GetString()!, int.MaxValue)
            : JsonSerializer.Serialize(value, OneLine);
        var many = value.ValueKind == JsonValueKind.Array ? $"{value.GetArrayLength()} values" : $"{text.Length} characters";
        return text.Length <= LongestValue ? text
            : $"{text[..(LongestValue / 4)]} ... {text[^(LongestValue / 8)..]} ({many})";
    }

    private T Read<T>(string key, JsonElement value, Func<JsonElement, T> read, string expected)
    {
        try
        {
            return read(value);
        }
        catch (Exception e) when (e is InvalidOperationException or FormatException)
        {
            throw new ModelFileException($"{Path}: {key} = {Shown(value)}, expected {expected}", e);
        }
    }
}
