using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Configuration;

/// <summary>
/// Prompts by the file's ending: <c>.json</c> (HPDv2's benchmark: a list of texts, or of objects with a prompt), <c>.tsv</c>
/// (Parti's: a table with a column Prompt), anything else one prompt a line, where empty lines and lines that begin with # are
/// skipped.
/// </summary>
public static class PromptFile
{
    /// <exception cref="ConfigException">The file is missing, is not UTF-8 or not of its form, or has no prompt.</exception>
    public static IReadOnlyList<string> Load(string key, string path)
    {
        ConfigException Wrong(string problem) => new($"{problem} ({key})");
        if (!File.Exists(path))
        {
            throw Wrong($"{path}: file not found");
        }
        var found = Path.GetExtension(path).ToLowerInvariant() switch
        {
            ".json" => PromptFormats.Json(path, Wrong),
            ".tsv" => PromptFormats.Table(path, Wrong),
            _ => PromptFormats.Lines(path, Wrong),
        };
        var prompts = found.Select(p => p.Trim()).Where(p => p.Length > 0).ToList();
        return prompts.Count > 0 ? prompts : throw Wrong($"{path}: no prompts; expected at least one");
    }
}
