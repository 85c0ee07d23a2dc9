using System.Text.Json;

namespace AlignProp.Adapters.Inspection;

/// <summary>Values of a configuration file, for looking at: what is absent or of another type is null.</summary>
internal sealed class JsonFacts
{
    private readonly JsonElement _root;

    private JsonFacts(JsonElement root) => _root = root;

    /// <summary>The root itself.</summary>
    internal JsonElement Root => _root;

    /// <exception cref="WeightFileException">The file is not a JSON object.</exception>
    internal static JsonFacts Load(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            using var document = JsonDocument.Parse(stream);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw new WeightFileException(path, null, "is not a JSON object");
            }

            JsonText.Require(document.RootElement);
            return new JsonFacts(document.RootElement.Clone());
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            throw new WeightFileException(path, null, $"is not valid JSON: {e.Message}", e);
        }
    }

    internal string? Text(string key) => Find(key) is { ValueKind: JsonValueKind.String } v ? v.GetString() : null;

    internal int? Int(string key) => Find(key) is { ValueKind: JsonValueKind.Number } v && v.TryGetInt32(out var number) ? number
        : null;

    internal string? Raw(string key) => Find(key) is { } v && v.ValueKind != JsonValueKind.Null ? v.GetRawText() : null;

    internal JsonFacts? Object(string key) => Find(key) is { ValueKind: JsonValueKind.Object } v ? new JsonFacts(v) : null;

    private JsonElement? Find(string key) => _root.TryGetProperty(key, out var v) ? v : null;
}
