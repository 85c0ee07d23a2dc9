using System.Text.Json;
using AlignProp.Adapters;

namespace AlignProp.Coordinator.Configuration;

/// <summary>What prompts are kept in. Each reader refuses with one line that names the file and the place.</summary>
internal static class PromptFormats
{
    /// <summary>One prompt a line; lines that begin with # are notes.</summary>
    public static IEnumerable<string> Lines(string path, Func<string, Exception> refuse) =>
        Utf8Text.Lines(path, refuse).Where(l => !l.TrimStart().StartsWith('#'));

    /// <summary>A list of texts, or of objects with a text <c>prompt</c>.</summary>
    public static IReadOnlyList<string> Json(string path, Func<string, Exception> refuse)
    {
        const string Expected = "expected a list of texts, or of objects with a text \"prompt\"";
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(Utf8Text.Bytes(path, refuse));
        }
        catch (JsonException e)
        {
            throw refuse($"{path}: not JSON (line {e.LineNumber + 1}); {Expected}");
        }
        using (document)
        {
            return document.RootElement is { ValueKind: JsonValueKind.Array } list ? [.. list.EnumerateArray().Select(Prompt)]
                : throw refuse($"{path}: {document.RootElement.ValueKind}; {Expected}");
        }

        string Prompt(JsonElement entry, int index)
        {
            var text = entry.ValueKind == JsonValueKind.Object && entry.TryGetProperty("prompt", out var named) ? named : entry;
            return text.ValueKind == JsonValueKind.String ? text.GetString()! : throw refuse(
                $"{path}: entry {index + 1} is {text.ValueKind}; {Expected}");
        }
    }

    /// <summary>The column <c>Prompt</c> of a table with tabs between its columns and their names in the first line.</summary>
    public static IReadOnlyList<string> Table(string path, Func<string, Exception> refuse)
    {
        var lines = Utf8Text.Lines(path, refuse);
        string[] names = lines.Count == 0 ? [] : lines[0].Split('\t');
        var column = Array.FindIndex(names, n => Cell(n).Equals("prompt", StringComparison.OrdinalIgnoreCase));
        if (column < 0)
        {
            throw refuse($"{path}: line 1 names no column Prompt (it has: {string.Join(", ", names)}); expected a table with "
                + "tabs, as PartiPrompts.tsv is");
        }
        return [.. lines.Skip(1).Select((line, i) => (Cells: line.Split('\t'), Number: i + 2))
            .Where(l => l.Cells is not [""])
            .Select(l => column < l.Cells.Length ? Cell(l.Cells[column])
                : throw refuse($"{path}: line {l.Number} has {l.Cells.Length} columns; Prompt is column {column + 1}"))];
    }

    /// <summary>Some writers put a cell in quotes, and quotes in it twice.</summary>
    private static string Cell(string text) => text is ['"', .. var inner, '"'] ? inner.Replace("\"\"", "\"") : text.Trim();
}
