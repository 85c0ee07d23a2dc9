using System.Text;

namespace AlignProp.Messages.Configuration;

/// <summary>Run files as text, made of the table of keys.</summary>
public static class RunFileWriter
{
    private const int Width = 120;

    /// <summary>The resolved run file: every value that decided the run, readable by <see cref="RunFile.Load"/>.</summary>
    /// <param name="path">Applied to every path that is set; null = as they are.</param>
    public static string Render(RunConfig config, Func<string, string>? path = null)
    {
        var text = new StringBuilder("# Resolved by alignprop; every value that decided this run.\nrun {\n");
        foreach (var key in RunKeys.All)
        {
            text.Append($"  {key.Path} = {key.Render(RunKeys.SectionOf(config, key), path)}\n");
        }
        return text.Append("}\n").ToString();
    }

    /// <summary>hocon/runs/defaults.conf: every key under its meaning and range, with its default.</summary>
    public static string RenderDefaults()
    {
        var text = new StringBuilder(
            "# Every key of a run file, with its meaning, its unit or range, and the value it has when a run file does not set "
            + "it.\n"
            + "# A run file sets what differs; `extends = NAME` at its top puts another preset of this folder between the two.\n"
            + "# Made by `alignprop reference --defaults` from src/Messages/Configuration/RunConfig.cs.\nrun {\n");
        foreach (var section in RunKeys.All.GroupBy(k => k.Section))
        {
            var indent = section.Key.Length == 0 ? "  " : "    ";
            text.Append(section.Key.Length == 0 ? "" : $"\n  {section.Key} {{\n");
            foreach (var key in section)
            {
                foreach (var line in Wrapped(Comment(key), Width - indent.Length - 2))
                {
                    text.Append($"{indent}# {line}\n");
                }
                text.Append($"{indent}{key.Name} = {key.RenderDefault()}\n");
            }
            text.Append(section.Key.Length == 0 ? "" : "  }\n");
        }
        return text.Append("}\n").ToString();
    }

    /// <summary>Meaning and range as prose.</summary>
    public static string Comment(RunKey key) => key.Range is "" or "any" ? key.Rule.Meaning
        : $"{key.Rule.Meaning} {char.ToUpperInvariant(key.Range[0])}{key.Range[1..]}.";

    private static IEnumerable<string> Wrapped(string prose, int width)
    {
        foreach (var paragraph in prose.Split("\n\n").Select(p => p.ReplaceLineEndings(" ")))
        {
            var line = new StringBuilder();
            foreach (var word in paragraph.Split(' '))
            {
                if (line.Length > 0 && line.Length + 1 + word.Length > width)
                {
                    yield return line.ToString();
                    line.Clear();
                }
                line.Append(line.Length > 0 ? " " : "").Append(word);
            }
            yield return line.ToString();
        }
    }
}
