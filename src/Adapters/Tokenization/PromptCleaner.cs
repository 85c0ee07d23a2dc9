using System.Net;
using System.Text;
using System.Text.RegularExpressions;

namespace AlignProp.Adapters.Tokenization;

/// <summary>
/// The text clean-up before CLIP's BPE: what ftfy does to ordinary prompts (entities, curly quotes, ligatures and digraphs,
/// full-width letters, control characters, UTF-8 read as Windows-1252), then lower case and single spaces.
/// </summary>
internal static partial class PromptCleaner
{
    private static readonly Encoding Utf8 = new UTF8Encoding(false, throwOnInvalidBytes: true);

    private static readonly Encoding Windows1252 =
        CodePagesEncodingProvider.Instance.GetEncoding(1252, EncoderFallback.ExceptionFallback,
            DecoderFallback.ExceptionFallback)!;

    /// <summary>Start and end token within a prompt part it, as in transformers: each part is cleaned by itself.</summary>
    public static string Clean(string text) =>
        string.Concat(Marks().Split(text).Select((part, i) => i % 2 == 0 ? CleanPart(part) : part));

    private static string CleanPart(string text)
    {
        var plain = Repair(Unescape(text));
        var builder = new StringBuilder(plain.Length);
        foreach (var c in plain)
        {
            builder.Append(c switch
            {
                '\u02bc' or '\u2018' or '\u2019' or '\u201a' or '\u201b' => "'",
                '\u201c' or '\u201d' or '\u201e' or '\u201f' => "\"",
                '\ufb00' => "ff",
                '\ufb01' => "fi",
                '\ufb02' => "fl",
                '\ufb03' => "ffi",
                '\ufb04' => "ffl",
                '\ufb05' => "ſt",
                '\ufb06' => "st",
                'Ĳ' or 'ĳ' => "ij",
                'ŉ' => "'n",
                'Ǆ' or 'ǅ' or 'ǆ' => "dž",
                'Ǉ' or 'ǈ' or 'ǉ' => "lj",
                'Ǌ' or 'ǋ' or 'ǌ' => "nj",
                'Ǳ' or 'ǲ' or 'ǳ' => "dz",
                '\u3000' => " ",
                // Characters that composition (NFC) replaces by another.
                '\u0374' => "\u02b9",
                '\u037e' => ";",
                '\u0387' => "\u00b7",
                '\u2126' => "Ω",
                '\u212a' => "K",
                '\u212b' => "Å",
                '\u2329' => "\u3008",
                '\u232a' => "\u3009",
                >= '\uff01' and <= '\uff5e' => ((char)(c - 0xfee0)).ToString(),
                '\t' or '\n' or '\r' or '\f' => " ",
                < ' ' or '\u007f' or (>= '\u206a' and <= '\u206f') or '\ufeff' or (>= '\ufff9' and <= '\ufffc') => "",
                _ => c.ToString(),
            });
        }
        var clean = Spaces().Replace(LatinComposition.Compose(builder.ToString()), " ").Trim();
        // Unicode's special cases of lower case, which the invariant culture leaves out: the dotted capital I, and sigma at the
        // end of a word.
        return FinalSigma().Replace(clean.Replace("\u0130", "i\u0307", StringComparison.Ordinal), "ς").ToLowerInvariant();
    }

    /// <summary>HTML entities, also escaped twice; ftfy leaves them alone where the text looks like markup.</summary>
    private static string Unescape(string text)
    {
        while (!text.Contains('<')
            && WebUtility.HtmlDecode(Shouted().Replace(text, m => m.Value.ToLowerInvariant())) is var decoded && decoded != text)
        {
            text = decoded;
        }
        return text;
    }

    /// <summary>
    /// Text whose characters, as Windows-1252 bytes, are valid UTF-8 beyond ASCII was decoded with the wrong code page.
    /// </summary>
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

    /// <summary>The entities that HTML also knows in capitals.</summary>
    [GeneratedRegex("&(?:AMP|LT|GT|QUOT|COPY|REG);")]
    private static partial Regex Shouted();

    // Unicode's Final_Sigma: after a letter with case and before none, whatever of no case lies between (marks, apostrophes, soft
    // hyphens).
    private const string Cased = @"(?:[\p{Lu}\p{Ll}\p{Lt}]|\ud835[\udc00-\udfcb])";
    private const string Ignorable = @"[\p{Mn}\p{Me}\p{Cf}\p{Lm}\p{Sk}'.:\u00b7\u2018\u2019\u2024\u2027]*";

    [GeneratedRegex("(?<=" + Cased + Ignorable + ")Σ(?!" + Ignorable + Cased + ")")]
    private static partial Regex FinalSigma();

    [GeneratedRegex(@"(<\|startoftext\|>|<\|endoftext\|>)")]
    private static partial Regex Marks();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();
}
