using System.Globalization;
using System.Text;

namespace AlignProp.Cli.Interactive;

/// <summary>How wide a text is in a terminal: an emoji or an ideograph takes two columns, a mark on a letter none.</summary>
internal static class TextColumns
{
    // Blocks that terminals draw two columns wide (Unicode's East Asian Width, W and F).
    private static readonly (int First, int Last)[] Wide =
    [
        (0x1100, 0x115F), (0x2E80, 0x303E), (0x3041, 0x33FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xA000, 0xA4CF),
        (0xAC00, 0xD7A3), (0xF900, 0xFAFF), (0xFE30, 0xFE6F), (0xFF00, 0xFF60), (0xFFE0, 0xFFE6), (0x1F300, 0x1F64F),
        (0x1F680, 0x1F6FF), (0x1F900, 0x1F9FF), (0x1FA70, 0x1FAFF), (0x20000, 0x3FFFD),
    ];

    /// <summary>Where each character begins that people see as one.</summary>
    public static IReadOnlyList<int> Starts(string text) => StringInfo.ParseCombiningCharacters(text);

    public static int Of(string text)
    {
        var starts = Starts(text);
        return Enumerable.Range(0, starts.Count)
            .Sum(i => OfElement(text[starts[i]..(i + 1 < starts.Count ? starts[i + 1] : text.Length)]));
    }

    private static int OfElement(string element)
    {
        var first = Rune.GetRuneAt(element, 0).Value;
        // U+FE0F asks for the picture of a character that is also a letter.
        return Array.Exists(Wide, w => first >= w.First && first <= w.Last) || element.Contains('\uFE0F') ? 2 : 1;
    }
}
