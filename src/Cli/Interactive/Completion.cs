using System.CommandLine;

namespace AlignProp.Cli.Interactive;

/// <summary>What the word before the cursor may become.</summary>
internal sealed class Completion(RootCommand root)
{
    /// <param name="text">The line up to the cursor.</param>
    /// <returns>Whole words that begin as the last one does.</returns>
    public IReadOnlyList<string> Of(string text)
    {
        var word = text[(text.LastIndexOf(' ') + 1)..];
        if (text.TrimStart().StartsWith("help ", StringComparison.Ordinal) || text.TrimStart().Length == word.Length)
        {
            return [.. root.Subcommands.Where(c => !c.Hidden).Select(c => c.Name).Append("help").Append("quit")
                .Where(v => v.StartsWith(word, StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
        }
        var parsed = root.Parse(text);
        var all = parsed.GetCompletions(text.Length).Select(c => c.InsertText ?? c.Label)
            .Where(c => c.StartsWith(word, StringComparison.Ordinal))
            .Where(c => c is not ("-?" or "-h" or "/?" or "/h")).Distinct().ToList();
        // Options are offered to who asks for one.
        var shown = word.StartsWith('-') ? all : all.Where(c => !c.StartsWith('-')).ToList();
        // Nodes and runs are no files, even where none can be offered.
        var named = parsed.CommandResult.Command.Arguments is [var only] && only.Name is "node" or "run-id"
            && !(text.TrimEnd().Split(' ') is [.., var last] && last.StartsWith('-'));
        return shown.Count > 0 || word.StartsWith('-') || named ? shown : [.. Words.Paths(word)];
    }

    /// <summary>The longest beginning that all share.</summary>
    public static string Common(IReadOnlyList<string> words) => words.Count == 0 ? ""
        : words.Aggregate((a, b) => a[..a.AsSpan().CommonPrefixLength(b)]);
}
