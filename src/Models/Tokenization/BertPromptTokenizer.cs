using Microsoft.ML.Tokenizers;

namespace AlignProp.Models.Tokenization;

/// <summary>BERT's uncased WordPiece on Microsoft.ML.Tokenizers: start, words, separator, padding to a fixed length.</summary>
public sealed class BertPromptTokenizer
{
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

    /// <returns>Exactly <paramref name="length"/> ids, and 1 for each that is no padding.</returns>
    public (long[] Ids, long[] Mask) Encode(string prompt, int length)
    {
        var pieces = _bert.EncodeToIds(LatinComposition.StripMarks(prompt), addSpecialTokens: false);
        long[] ids = [_bert.ClassificationTokenId, .. pieces.Take(length - 2).Select(i => (long)i), _bert.SeparatorTokenId];
        return ([.. ids, .. Enumerable.Repeat((long)_bert.PaddingTokenId, length - ids.Length)],
            [.. Enumerable.Repeat(1L, ids.Length), .. Enumerable.Repeat(0L, length - ids.Length)]);
    }
}
