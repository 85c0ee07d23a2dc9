using System.Text.Json;

namespace AlignProp.Models.Files;

/// <summary>
/// A config.json as diffusers and transformers write it: keys may be absent, and then upstream's default holds.
/// </summary>
public sealed class JsonConfig
{
    private readonly JsonElement _root;

    private JsonConfig(JsonElement root, string path)
    {
        _root = root;
        Path = path;
    }

    /// <summary>File the values came from, for error messages.</summary>
    public string Path { get; }

    /// <exception cref="ModelFileException">The file is missing or is not a JSON object.</exception>
    public static JsonConfig Load(string path)
    {
        if (!File.Exists(path))
        {
            throw new ModelFileException($"{path}: file not found; a diffusers/transformers folder has it");
        }
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw new ModelFileException($"{path}: expected a JSON object");
            }
            return new JsonConfig(document.RootElement.Clone(), path);
        }
        catch (JsonException e)
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
    public JsonConfig Object(string key) =>
        Find(key) is { ValueKind: JsonValueKind.Object } v ? new JsonConfig(v, $"{Path}:{key}")
            : new JsonConfig(JsonDocument.Parse("{}").RootElement, Path);

    public bool Has(string key) => Find(key) is not null;

    /// <summary>Present with the value null, which may mean another thing than absent.</summary>
    public bool IsNull(string key) => _root.TryGetProperty(key, out var v) && v.ValueKind == JsonValueKind.Null;

    public bool IsList(string key) => Find(key) is { ValueKind: JsonValueKind.Array };

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
        Text(key, otherwise) is var value && allowed.Contains(value) ? value
            : throw Wrong(key, value, string.Join(" or ", allowed));

    /// <exception cref="ModelFileException">Another value than the allowed ones.</exception>
    public int OneOf(string key, int otherwise, params int[] allowed) =>
        Int(key, otherwise) is var value && allowed.Contains(value) ? value
            : throw Wrong(key, $"{value}", string.Join(" or ", allowed));

    /// <summary>A key whose value cannot be used.</summary>
    public ModelFileException Wrong(string key, string found, string expected) =>
        new($"{Path}: {key} = {found} is not supported; expected {expected}");

    /// <summary>The structure we implement has one value for this key; any other is a model we would compute wrongly.</summary>
    /// <exception cref="ModelFileException">The key is present with another value; null counts as absent.</exception>
    public void Require(string key, string only)
    {
        if (Find(key) is { } v && v.ToString() is var found && !string.Equals(found, only, StringComparison.OrdinalIgnoreCase))
        {
            throw new ModelFileException($"{Path}: {key} = {found} is not supported; expected {only}");
        }
    }

    private JsonElement? Find(string key) =>
        _root.TryGetProperty(key, out var v) && v.ValueKind != JsonValueKind.Null ? v : null;

    private T Read<T>(string key, JsonElement value, Func<JsonElement, T> read, string expected)
    {
        try
        {
            return read(value);
        }
        catch (Exception e) when (e is InvalidOperationException or FormatException)
        {
            throw new ModelFileException($"{Path}: {key} = {value.GetRawText()}, expected {expected}", e);
        }
    }
}
