using System.Text.Json;

namespace AlignProp.Adapters;

/// <summary>
/// Strings of JSON that are no text ("\ud800") throw where they are read: once, when a file is opened, and nowhere later.
/// </summary>
internal static class JsonText
{
    /// <exception cref="InvalidOperationException">A name or string is no text (half a surrogate pair).</exception>
    public static void Require(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.String:
                _ = element.GetString();
                break;
            case JsonValueKind.Array:
                foreach (var item in element.EnumerateArray())
                {
                    Require(item);
                }
                break;
            case JsonValueKind.Object:
                foreach (var property in element.EnumerateObject())
                {
                    _ = property.Name;
                    Require(property.Value);
                }
                break;
        }
    }
}
