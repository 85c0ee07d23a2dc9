using System.Net;
using System.Text;
using System.Text.RegularExpressions;

namespace AlignProp.Models.Tokenization;

/// <summary>
/// The text clean-up before CLIP's BPE: what ftfy does to ordinary prompts (entities, curly quotes, ligatures, full-width
/// letters, control characters, UTF-8 read as Windows-1252), then lower case and single spaces.
/// </summary>
internal static partial class PromptCleaner
{
    private static readonly Encoding Utf8 = new UTF8Encoding(false, throwOnInvalidBytes: true);

    private static readonly Encoding Windows1252 =
        CodePagesEncodingProvider.Instance.GetEncoding(1252, EncoderFallback.ExceptionFallback, DecoderFallback.ExceptionFallback)!;

    public static string Clean(string text)
    {
        var plain = Repair(Unescape(text));
        var builder = new StringBuilder(plain.Length);
        foreach (var c in plain)
        {
            builder.Append(c switch
            {
                '\u2018' or '\u2019' or '\u201a' or '\u201b' => "'",
                '\u201c' or '\u201d' or '\u201e' or '\u201f' => "\"",
                '\ufb00' => "ff",
                '\ufb01' => "fi",
                '\ufb02' => "fl",
                '\ufb03' => "ffi",
                '\ufb04' => "ffl",
                '\u3000' => " ",
                >= '\uff01' and <= '\uff5e' => ((char)(c - 0xfee0)).ToString(),
                '\t' or '\n' or '\r' => " ",
                < ' ' or '\u007f' or '\ufeff' => "",
                _ => c.ToString(),
            });
        }
        // The dotted capital I becomes two characters in lower case; the invariant culture leaves it as it is.
        return Spaces().Replace(LatinComposition.Compose(builder.ToString()), " ").Trim().Replace("\u0130", "i\u0307", StringComparison.Ordinal).ToLowerInvariant();
    }

    /// <summary>HTML entities, also escaped twice; ftfy leaves them alone where the text looks like markup.</summary>
    private static string Unescape(string text)
    {
        while (!text.Contains('<') && WebUtility.HtmlDecode(text) is var decoded && decoded != text)
        {
            text = decoded;
        }
        return text;
    }

    /// <summary>Text whose characters, as Windows-1252 bytes, are valid UTF-8 beyond ASCII was decoded with the wrong code page.</summary>
    private static string Repair(string text)
    {
        if (text.All(char.IsAscii))
        {
            return text;
        }
        try
        {
            return Utf8.GetString(Windows1252.GetBytes(text));
        }
        catch (ArgumentException)
        {
            return text;
        }
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();
}
