using System.Net;
using System.Text;
using System.Text.RegularExpressions;

namespace AlignProp.Models.Tokenization;

/// <summary>
/// The text clean-up before CLIP's BPE: what ftfy does to ordinary prompts (entities, curly quotes, ligatures, full-width
/// letters, control characters), then lower case and single spaces. Mojibake is left as it is.
/// </summary>
internal static partial class PromptCleaner
{
    public static string Clean(string text)
    {
        // ftfy leaves entities alone where the text looks like markup.
        var plain = text.Contains('<') ? text : WebUtility.HtmlDecode(text);
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
        return Spaces().Replace(builder.ToString().Normalize(NormalizationForm.FormC), " ").Trim().ToLowerInvariant();
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();
}
