using System.Text.Encodings.Web;
using System.Text.Json;

namespace AlignProp.Pretraining.Data;

/// <summary>
/// A small vocabulary in CLIP's own scheme: 256 byte symbols, the same with the end-of-word mark, then one merge chain a
/// word so that every known word is a single token, and the two special tokens last. Unknown words fall back to bytes.
/// </summary>
public static class BpeVocabulary
{
    private const string EndOfWord = "</w>";
    private static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly JsonSerializerOptions Indented = new(Json) { WriteIndented = true };

    /// <summary>Writes vocab.json, merges.txt, tokenizer_config.json and special_tokens_map.json.</summary>
    public static void Write(string folder, IEnumerable<string> words, int modelMaxLength)
    {
        var symbols = ByteSymbols();
        var tokens = symbols.Concat(symbols.Select(s => s + EndOfWord)).ToList();
        var known = tokens.ToHashSet();
        var merges = new List<string>();
        foreach (var word in words)
        {
            // Left to right: c+a, ca+t</w>. Merge ranks are unique, and a longer prefix never ranks before its own prefix.
            var left = word[..1];
            for (var i = 1; i < word.Length; i++)
            {
                var right = word[i] + (i == word.Length - 1 ? EndOfWord : "");
                if (known.Add(left + right))
                {
                    tokens.Add(left + right);
                    merges.Add($"{left} {right}");
                }
                left += right;
            }
        }
        tokens.Add("<|startoftext|>");
        tokens.Add("<|endoftext|>");
        Directory.CreateDirectory(folder);
        var vocabulary = tokens.Select((token, id) => (token, id)).ToDictionary(t => t.token, t => t.id);
        File.WriteAllText(Path.Combine(folder, "vocab.json"), JsonSerializer.Serialize(vocabulary, Json));
        File.WriteAllText(Path.Combine(folder, "merges.txt"), "#version: 0.2\n" + string.Join('\n', merges) + "\n");
        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), JsonSerializer.Serialize(new Dictionary<string, object>
        {
            ["tokenizer_class"] = "CLIPTokenizer",
            ["bos_token"] = "<|startoftext|>",
            ["eos_token"] = "<|endoftext|>",
            ["pad_token"] = "<|endoftext|>",
            ["unk_token"] = "<|endoftext|>",
            ["model_max_length"] = modelMaxLength,
            ["do_lower_case"] = true,
        }, Indented));
        File.WriteAllText(Path.Combine(folder, "special_tokens_map.json"), JsonSerializer.Serialize(new Dictionary<string, string>
        {
            ["bos_token"] = "<|startoftext|>",
            ["eos_token"] = "<|endoftext|>",
            ["pad_token"] = "<|endoftext|>",
            ["unk_token"] = "<|endoftext|>",
        }, Indented));
    }

    /// <summary>GPT-2's printable stand-ins for the 256 bytes: printable Latin-1 as itself, the rest from U+0100 on.</summary>
    private static List<string> ByteSymbols()
    {
        var printable = Enumerable.Range(33, 94).Concat(Enumerable.Range(161, 12)).Concat(Enumerable.Range(174, 82)).ToList();
        var others = Enumerable.Range(0, 256).Except(printable).Select((_, i) => 256 + i);
        return printable.Concat(others).Select(c => ((char)c).ToString()).ToList();
    }
}
