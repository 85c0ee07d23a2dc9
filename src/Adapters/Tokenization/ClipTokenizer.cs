using System.Text.RegularExpressions;
using Microsoft.ML.Tokenizers;

namespace AlignProp.Adapters.Tokenization;

/// <summary>
/// CLIP's byte-level BPE on Microsoft.ML.Tokenizers: lower-case, CLIP's split pattern, end-of-word suffix, fixed length.
/// Mirrors transformers' CLIPTokenizer with padding to the maximum length.
/// </summary>
public sealed partial class ClipTokenizer
{
    private const string EndOfWord = "</w>";

    private readonly BpeTokenizer _bpe;
    private readonly IReadOnlyList<AddedToken> _added;
    private readonly Regex? _addedPattern;
    private readonly string _largest;

    private ClipTokenizer(BpeTokenizer bpe, TokenizerFolder folder)
    {
        _bpe = bpe;
        (MaxLength, BosId, EosId, PadId) =
            (folder.MaxLength, folder.Id(folder.Bos), folder.Id(folder.Eos), folder.Id(folder.Pad));
        // Of words that begin alike the longer one is meant.
        _added = [.. folder.Added.OrderByDescending(a => a.Content.Length)];
        _addedPattern = _added.Count == 0 ? null
            : new Regex(string.Join('|', _added.Select(a => $"({a.Pattern()})")), RegexOptions.CultureInvariant);
        (_largest, LargestId) = folder.Vocabulary.MaxBy(v => v.Value);
    }

    /// <summary>Ids per prompt, start and end tokens included (77 for Stable Diffusion).</summary>
    public int MaxLength { get; }

    public int BosId { get; }

    public int EosId { get; }

    public int PadId { get; }

    /// <summary>The largest id that can come out: the text encoder has a row for it.</summary>
    public int LargestId { get; }

    /// <summary>The word of <see cref="LargestId"/>.</summary>
    public string LargestWord => _largest;

    /// <summary>Words that the folder adds to CLIP's vocabulary.</summary>
    public IReadOnlyList<string> AddedWords => [.. _added.Select(a => a.Content)];

    /// <summary>
    /// Reads vocab.json and merges.txt (or tokenizer.json alone) and, when there, tokenizer_config.json, special_tokens_map.json
    /// and added_tokens.json.
    /// </summary>
    /// <param name="pad">Padding token, whatever the files say: OpenCLIP's towers were trained with "!" (id 0).</param>
    /// <exception cref="ModelFileException">A file is missing, lacks a special token, or says what is not done here.</exception>
    public static ClipTokenizer Load(string folder, string? pad = null)
    {
        var files = TokenizerFolder.Load(folder, pad);
        // As in transformers, a padding token of its own is a special token, also within a prompt: SDXL's second tokenizer reads
        // "!" as 0.
        var special = new[] { files.Bos, files.Eos, files.Pad }.Distinct().ToDictionary(t => t, files.Id);
        var bpe = BpeTokenizer.Create(new BpeOptions(files.Vocabulary)
        {
            Merges = files.Merges,
            ByteLevel = true,
            EndOfWordSuffix = EndOfWord,
            SpecialTokens = special,
            PreTokenizer = new RegexPreTokenizer(SplitPattern(), special),
        });
        return new ClipTokenizer(bpe, files);
    }

    /// <summary>Start token, at most MaxLength - 2 tokens of the prompt, end token, padding: exactly MaxLength ids.</summary>
    public long[] Encode(string prompt)
    {
        var ids = Parts(prompt).SelectMany(p => p.Ids).Take(MaxLength - 2).ToList();
        var row = new long[MaxLength];
        Array.Fill(row, PadId);
        row[0] = BosId;
        for (var i = 0; i < ids.Count; i++)
        {
            row[i + 1] = ids[i];
        }
        row[ids.Count + 1] = EosId;
        return row;
    }

    /// <summary>What of a prompt does not fit and is not read, as it is after clean-up; null where all of it fits.</summary>
    public string? Cut(string prompt)
    {
        var left = MaxLength - 2;
        var dropped = new System.Text.StringBuilder();
        foreach (var (text, ids) in Parts(prompt))
        {
            if (ids.Count > left)
            {
                // A piece knows where it stands; an added token is one piece.
                var start = left <= 0 || ids.Count == 1 ? 0
                    : _bpe.EncodeToTokens(text, out _, considerNormalization: false)[left].Offset.Start.Value;
                dropped.Append(dropped.Length > 0 ? " " : "").Append(text[Math.Min(start, text.Length)..]);
            }
            left -= Math.Min(left, ids.Count);
        }
        return dropped.Length > 0 ? dropped.ToString().Trim() : null;
    }

    /// <summary>The prompt between added tokens, cleaned, and each added token, in their order.</summary>
    private IEnumerable<(string Text, IReadOnlyList<int> Ids)> Parts(string prompt)
    {
        var at = 0;
        foreach (var match in _addedPattern?.Matches(prompt).AsEnumerable() ?? [])
        {
            yield return Plain(prompt[at..match.Index]);
            var token = _added[Enumerable.Range(1, _added.Count).First(g => match.Groups[g].Success) - 1];
            yield return (token.Content, [token.Id]);
            at = match.Index + match.Length;
        }
        yield return Plain(prompt[at..]);
    }

    private (string, IReadOnlyList<int>) Plain(string text) => PromptCleaner.Clean(text) is var clean
        ? (clean, _bpe.EncodeToIds(clean, considerNormalization: false)) : default;

    // .NET's categories are of UTF-16 units: the letters and digits beyond them that people type (mathematical alphabets, rare
    // ideographs) are spelled out as pairs.
    private const string FarLetter = @"\ud835[\udc00-\udfcb]|[\ud840-\ud888][\udc00-\udfff]";
    private const string FarDigit = @"\ud835[\udfce-\udfff]";

    [GeneratedRegex(@"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|(?:\p{L}|" + FarLetter + @")+|\p{N}|" + FarDigit
        + @"|(?:(?!" + FarLetter + "|" + FarDigit + @")[^\s\p{L}\p{N}])+",
            RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex SplitPattern();
}
