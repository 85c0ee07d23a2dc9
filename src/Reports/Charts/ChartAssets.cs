using System.Text;
using System.Text.RegularExpressions;

namespace AlignProp.Reports.Charts;

/// <summary>
/// The one renderer of curves and of pictures before and after, plain JavaScript: modules for the dashboard, one script for pages
/// that are a single file.
/// </summary>
public static partial class ChartAssets
{
    private const string Prefix = "charts/";

    /// <summary>In the order in which they use each other.</summary>
    private static readonly string[] Modules = ["dom.js", "figures.js", "curves.js", "plot.js", "board.js", "pairs.js"];

    /// <summary>charts.css and the modules, by file name.</summary>
    public static IReadOnlyDictionary<string, byte[]> Files { get; } = typeof(ChartAssets).Assembly.GetManifestResourceNames()
        .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal)).ToDictionary(name => name[Prefix.Length..], Read);

    public static string Style => Encoding.UTF8.GetString(Files["charts.css"]);

    /// <summary>All modules in one scope: what they import from each other is there already.</summary>
    public static string Script => string.Concat(Modules.Select(name =>
        Linkage().Replace(Encoding.UTF8.GetString(Files[name]), "")));

    private static byte[] Read(string name)
    {
        using var stream = typeof(ChartAssets).Assembly.GetManifestResourceStream(name)!;
        using var memory = new MemoryStream();
        stream.CopyTo(memory);
        return memory.ToArray();
    }

    [GeneratedRegex(@"^import [^;]*;\r?\n|^export ", RegexOptions.Multiline)]
    private static partial Regex Linkage();
}
