using Microsoft.ML.Tokenizers;

namespace AlignProp.Adapters.Tokenization;

/// <summary>BERT's uncased WordPiece on Microsoft.ML.Tokenizers: start, words, separator, padding to a fixed length.</summary>
public sealed class BertPromptTokenizer
{
    /// <summary>Ids of a prompt that ImageReward reads, with start and separator.</summary>
    public const int ImageRewardLength = 35;

    private readonly BertTokenizer _bert;

    private BertPromptTokenizer(BertTokenizer bert) => _bert = bert;

    /// <param name="path">vocab.txt, one piece a line.</param>
    /// <exception cref="ModelFileException">The file is missing or lacks a special token.</exception>
    public static BertPromptTokenizer Load(string path)
    {
        if (!File.Exists(path))
        {
            throw new ModelFileException($"{path}: file not found; expected the vocabulary of bert-base-uncased");
        }
        try
        {
            return new BertPromptTokenizer(BertTokenizer.Create(path, new BertOptions { LowerCaseBeforeTokenization = true }));
        }
        catch (ArgumentException e)
        {
            throw new ModelFileException($"{path}: not a BERT vocabulary ({e.Message})", e);
        }
    }

    /// <summary>What of a prompt does not fit into a length and is not read; null where all of it fits.</summary>
    public string? Cut(string prompt, int length)
    {
        var text = LatinComposition.StripMarks(prompt);
        var pieces = _bert.EncodeToTokens(text, out _);
        return pieces.Count <= length - 2 ? null : text[Math.Min(pieces[length - 2].Offset.Start.Value, text.Length)..].Trim();
    }

    /// <returns>Exactly <paramref name="length"/> ids, and 1 for each that is no padding.</returns>
    public (long[] Ids, long[] Mask) Encode(string prompt, int length)
    {
        var pieces = _bert.EncodeToIds(LatinComposition.StripMarks(prompt), addSpecialTokens: false);
        long[] ids = [_bert.ClassificationTokenId, .. pieces.Take(length - 2).Select(i => (long)i), _bert.SeparatorTokenId];
        return ([.. ids, .. Enumerable.Repeat((long)_bert.PaddingTokenId, length - ids.Length)],
            [.. Enumerable.Repeat(1L, ids.Length), .. Enumerable.Repeat(0L, length - ids.Length)]);
    }
}
