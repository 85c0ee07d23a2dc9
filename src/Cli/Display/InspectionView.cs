using AlignProp.Adapters.Inspection;
using Spectre.Console;

namespace AlignProp.Cli.Display;

/// <summary>An inspection as tables.</summary>
internal static class InspectionView
{
    private const int LongestMetadata = 200;

    public static void Write(TextWriter output, Inspection inspection, IReadOnlyDictionary<string, string>? hashes)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(output),
            Ansi = Console.IsOutputRedirected ? AnsiSupport.No : AnsiSupport.Detect
        });
        console.Profile.Width = Math.Max(Console.IsOutputRedirected ? 160 : console.Profile.Width, 100);
        console.WriteLine($"{inspection.Path}: {inspection.Kind}");
        if (inspection.Parts.Count > 0)
        {
            console.Write(Parts(inspection.Parts));
        }
        Pairs(console, inspection.Facts);
        Pairs(console,
            [.. inspection.Metadata.OrderBy(m => m.Key, StringComparer.Ordinal)
            .Select(m => KeyValuePair.Create($"metadata {m.Key}", Line(m.Value)))]);
        Pairs(console,
            [.. (hashes ?? new Dictionary<string, string>()).Select(h => KeyValuePair.Create($"SHA-256 {h.Key}", h.Value))]);
        console.WriteLine(inspection.Problems.Count == 0 ? "no problems found"
            : $"{inspection.Problems.Count} {(inspection.Problems.Count == 1 ? "problem" : "problems")}:");
        foreach (var problem in inspection.Problems)
        {
            // Not broken at the width: a problem is one line.
            output.WriteLine($"  {Line(problem, 600)}");
        }
    }

    private static Table Parts(IReadOnlyList<InspectedPart> parts)
    {
        var table = new Table().Border(TableBorder.Simple);
        foreach (var name in new[] { "part", "what", "parameters", "tensors", "dtype", "MB", "files", "published" })
        {
            table.AddColumn(name is "parameters" or "tensors" or "MB" ? new TableColumn(name).RightAligned()
                : new TableColumn(name));
        }
        foreach (var part in parts)
        {
            table.AddRow([.. new[]
            {
                part.Name.Length == 0 ? "-" : part.Name, part.What, $"{part.Parameters:N0}", $"{part.Tensors}", DTypes(part),
                    $"{part.Bytes / 1e6:N1}",
                part.Files.Count <= 2 ? string.Join(", ", part.Files) : $"{part.Files[0]} and {part.Files.Count - 1} more",
                    part.Published ?? "-",
            }.Select(Markup.Escape)]);
        }
        return table;
    }

    private static string DTypes(InspectedPart part) => part.DTypes.Count == 1 ? part.DTypes.Keys.Single()
        : string.Join(", ", part.DTypes.Select(d => $"{d.Key} x {d.Value}"));

    private static void Pairs(IAnsiConsole console, IReadOnlyList<KeyValuePair<string, string>> pairs)
    {
        if (pairs.Count == 0)
        {
            return;
        }
        var grid = new Grid().AddColumn(new GridColumn().NoWrap().PadRight(2)).AddColumn();
        foreach (var (name, value) in pairs)
        {
            grid.AddRow(Markup.Escape(Line(name)), Markup.Escape(Line(value, 600)));
        }
        console.Write(grid);
    }

    // What files say of themselves is shown, not obeyed: no escape sequences, no thousand-line values.
    private static string Line(string text, int longest = LongestMetadata)
    {
        var line = new string([.. text.Take(longest).Select(c => char.IsControl(c) ? ' ' : c)]);
        return text.Length > longest ? $"{line}... ({text.Length} characters)" : line;
    }
}
