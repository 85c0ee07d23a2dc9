using System.Text.Json;

namespace AlignProp.Adapters.Configurations;

/// <summary>
/// What is known of a configuration class: the names it goes by, and of each of its keys whether it is read, changes nothing
/// here, or must have a certain value. A key that is not in the table is refused: it might change what is computed.
/// </summary>
/// <param name="name">What to call it, e.g. UNet2DConditionModel.</param>
/// <param name="names">Values of _class_name or model_type that stand for it.</param>
public sealed class ConfigClass(string name, params string[] names)
{
    private readonly Dictionary<string, string[]?> _keys = new(StringComparer.Ordinal);
    private readonly HashSet<string> _used = new(StringComparer.Ordinal);

    public string Name => name;

    public IReadOnlyList<string> Names => names;

    /// <summary>Keys whose values the code reads.</summary>
    public IReadOnlyCollection<string> UsedKeys => _used;

    /// <summary>The code reads them, and says itself which values it can use.</summary>
    public ConfigClass Used(params string[] keys)
    {
        _used.UnionWith(keys);
        return Idle(keys);
    }

    /// <summary>They change nothing that is computed here, whatever their value.</summary>
    public ConfigClass Idle(params string[] keys)
    {
        foreach (var key in keys)
        {
            _keys.Add(key, null);
        }
        return this;
    }

    /// <summary>Only some values are what is computed here.</summary>
    /// <param name="values">In JSON, with | between them; null counts where one of them is false, null, zero or empty.</param>
    public ConfigClass Only(string values, params string[] keys)
    {
        foreach (var key in keys)
        {
            _keys.Add(key, values.Split('|'));
        }
        return this;
    }

    /// <summary>Whether a key stands in the table, or is private to the tool that wrote the file.</summary>
    public bool Knows(string key) => key.StartsWith('_') || _keys.ContainsKey(key);

    /// <summary>Every key of a file that is not known, or has a value that is not what is computed here; one line each.</summary>
    public IEnumerable<string> Problems(JsonConfig json)
    {
        ArgumentNullException.ThrowIfNull(json);
        foreach (var key in json.Keys)
        {
            if (!Knows(key))
            {
                yield return $"{json.Path}: {key} = {json.Value(key)} is not a key of {name} that is known here; take it out if "
                    + "it changes nothing";
            }
            else if (_keys.GetValueOrDefault(key) is { } values && !Accepts(values, json.Find(key)))
            {
                yield return json.Wrong(key, string.Join(" or ", values.Select(v => v.Trim('"')))).Message;
            }
        }
    }

    /// <exception cref="ModelFileException">The first of <see cref="Problems"/>.</exception>
    public void Require(JsonConfig json)
    {
        if (Problems(json).FirstOrDefault() is { } problem)
        {
            throw new ModelFileException(problem);
        }
    }

    /// <exception cref="ModelFileException">The file says that it is of another class.</exception>
    public void RequireName(JsonConfig json)
    {
        ArgumentNullException.ThrowIfNull(json);
        foreach (var key in new[] { "_class_name", "model_type" })
        {
            if (json.Has(key) && !names.Contains(json.Text(key, "")))
            {
                throw json.Wrong(key, string.Join(" or ", names));
            }
        }
    }

    private static bool Accepts(string[] values, JsonElement? found) => found is { } value
        ? values.Any(v => Same(v, value))
        : values.Any(v => v is "null" or "false" or "0" or "[]" or "{}" or "\"\"");

    private static bool Same(string expected, JsonElement found)
    {
        using var document = JsonDocument.Parse(expected);
        return JsonElement.DeepEquals(document.RootElement, found);
    }
}
