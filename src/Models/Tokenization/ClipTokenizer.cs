using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.ML.Tokenizers;

namespace AlignProp.Models.Tokenization;

/// <summary>
/// CLIP's byte-level BPE on Microsoft.ML.Tokenizers: lower-case, CLIP's split pattern, end-of-word suffix, fixed length.
/// Mirrors transformers' CLIPTokenizer with padding to the maximum length.
/// </summary>
public sealed partial class ClipTokenizer
{
    private const string EndOfWord = "</w>";

    private readonly BpeTokenizer _bpe;

    private ClipTokenizer(BpeTokenizer bpe, int maxLength, int bos, int eos, int pad)
    {
        _bpe = bpe;
        (MaxLength, BosId, EosId, PadId) = (maxLength, bos, eos, pad);
    }

    /// <summary>Ids per prompt, start and end tokens included (77 for Stable Diffusion).</summary>
    public int MaxLength { get; }

    public int BosId { get; }

    public int EosId { get; }

    public int PadId { get; }

    /// <summary>Reads vocab.json, merges.txt and, when there, tokenizer_config.json and special_tokens_map.json.</summary>
    /// <param name="pad">Padding token, whatever the files say: OpenCLIP's towers were trained with "!" (id 0).</param>
    /// <exception cref="ModelFileException">A file is missing or lacks a special token.</exception>
    public static ClipTokenizer Load(string folder, string? pad = null)
    {
        var (vocabPath, mergesPath) = (Path.Combine(folder, "vocab.json"), Path.Combine(folder, "merges.txt"));
        foreach (var path in new[] { vocabPath, mergesPath })
        {
            if (!File.Exists(path))
            {
                throw new ModelFileException($"{path}: file not found; a CLIP tokenizer folder has vocab.json and merges.txt");
            }
        }
        Dictionary<string, int> vocabulary;
        try
        {
            vocabulary = JsonSerializer.Deserialize<Dictionary<string, int>>(File.ReadAllBytes(vocabPath))!;
        }
        catch (JsonException e)
        {
            throw new ModelFileException($"{vocabPath}: not a JSON object of token ids ({e.Message})", e);
        }
        var config = TokenizerConfig.Load(folder, pad);
        int Id(string token) => vocabulary.TryGetValue(token, out var id)
            ? id
            : throw new ModelFileException($"{vocabPath}: special token {token} is missing");
        var (bos, eos) = (Id(config.Bos), Id(config.Eos));
        // As in transformers, a padding token of its own is a special token, also within a prompt: SDXL's second tokenizer reads
        // "!" as 0.
        var special = new Dictionary<string, int> { [config.Bos] = bos, [config.Eos] = eos, [config.Pad] = Id(config.Pad) };
        var bpe = BpeTokenizer.Create(new BpeOptions(vocabulary)
        {
            Merges = File.ReadLines(mergesPath)
                .Where(line => line.Length > 0 && !line.StartsWith("#version", StringComparison.Ordinal)).ToList(),
            ByteLevel = true,
            EndOfWordSuffix = EndOfWord,
            SpecialTokens = special,
            PreTokenizer = new RegexPreTokenizer(SplitPattern(), special),
        });
        return new ClipTokenizer(bpe, config.MaxLength, bos, eos, Id(config.Pad));
    }

    /// <summary>Start token, at most MaxLength - 2 tokens of the prompt, end token, padding: exactly MaxLength ids.</summary>
    public long[] Encode(string prompt)
    {
        var ids = _bpe.EncodeToIds(PromptCleaner.Clean(prompt), considerNormalization: false);
        var row = new long[MaxLength];
        Array.Fill(row, PadId);
        row[0] = BosId;
        var count = Math.Min(ids.Count, MaxLength - 2);
        for (var i = 0; i < count; i++)
        {
            row[i + 1] = ids[i];
        }
        row[count + 1] = EosId;
        return row;
    }

    // .NET's categories are of UTF-16 units: the letters and digits beyond them that people type (mathematical alphabets, rare
    // ideographs) are spelled out as pairs.
    private const string FarLetter = @"\ud835[\udc00-\udfcb]|[\ud840-\ud888][\udc00-\udfff]";
    private const string FarDigit = @"\ud835[\udfce-\udfff]";

    [GeneratedRegex(@"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|(?:\p{L}|" + FarLetter + @")+|\p{N}|" + FarDigit
        + @"|(?:(?!" + FarLetter + "|" + FarDigit + @")[^\s\p{L}\p{N}])+",
            RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex SplitPattern();
}

/// <summary>
/// What matters of tokenizer_config.json and special_tokens_map.json; tokens may be strings or objects with "content". As in
/// transformers the map wins, unless the configuration is of the newer kind that carries its tokens itself
/// (added_tokens_decoder): SD 2's "!" stands in the map only.
/// </summary>
internal sealed record TokenizerConfig(int MaxLength, string Bos, string Eos, string Pad)
{
    /// <exception cref="ModelFileException">A file is not a JSON object.</exception>
    public static TokenizerConfig Load(string folder, string? pad)
    {
        const string Start = "<|startoftext|>", End = "<|endoftext|>";
        var (config, map) = (Read(Path.Combine(folder, "tokenizer_config.json")),
            Read(Path.Combine(folder, "special_tokens_map.json")));
        JsonElement[] sources = config.TryGetProperty("added_tokens_decoder", out _) ? [config] : [map, config];
        var length = config.TryGetProperty("model_max_length", out var max) && max.ValueKind == JsonValueKind.Number
            && max.TryGetInt32(out var n) ? n : 77;
        return new TokenizerConfig(length, Token("bos_token", Start), Token("eos_token", End), pad ?? Token("pad_token", End));

        string Token(string key, string otherwise) => sources.Select(s => Text(s, key)).FirstOrDefault(t => t is not null)
            ?? otherwise;
    }

    private static string? Text(JsonElement source, string key) => !source.TryGetProperty(key, out var value) ? null
        : value.ValueKind switch
        {
            JsonValueKind.Object => value.TryGetProperty("content", out var content) ? content.GetString() : null,
            JsonValueKind.String => value.GetString(),
            _ => null,
        };

    private static JsonElement Read(string path)
    {
        try
        {
            using var document = JsonDocument.Parse(File.Exists(path) ? File.ReadAllBytes(path) : "{}"u8.ToArray());
            return document.RootElement.ValueKind == JsonValueKind.Object ? document.RootElement.Clone()
                : throw new ModelFileException($"{path}: expected a JSON object");
        }
        catch (JsonException e)
        {
            throw new ModelFileException($"{path}: not valid JSON ({e.Message})", e);
        }
    }
}
