using AlignProp.Adapters;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Configuration;

/// <summary>One prompt a line; empty lines and lines that begin with # are skipped.</summary>
public static class PromptFile
{
    /// <exception cref="ConfigException">The file is missing, is not UTF-8, or has no prompt.</exception>
    public static IReadOnlyList<string> Load(string key, string path)
    {
        if (!File.Exists(path))
        {
            throw new ConfigException($"{path}: file not found ({key}); expected a text file with one prompt a line");
        }
        var prompts = Utf8Text.Lines(path, problem => new ConfigException($"{problem} ({key})")).Select(l => l.Trim())
            .Where(l => l.Length > 0 && !l.StartsWith('#')).ToList();
        return prompts.Count > 0 ? prompts : throw new ConfigException($"{path}: no prompts ({key}); expected one prompt a line");
    }
}
