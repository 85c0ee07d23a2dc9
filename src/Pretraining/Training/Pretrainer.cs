using AlignProp.Adapters.Tokenization;
using AlignProp.Pretraining.Data;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace AlignProp.Pretraining.Training;

/// <summary>Where the stages keep their checkpoints and what they share: the data set, the tokenizer, the folder.</summary>
public sealed record Workspace(string Folder, EmojiDataset Data, ClipTokenizer Tokenizer)
{
    public static Workspace Open(string folder, string data)
    {
        var tokenizer = Path.Combine(folder, "tokenizer");
        if (!File.Exists(Path.Combine(tokenizer, "vocab.json")))
        {
            BpeVocabulary.Write(tokenizer, CaptionVocabulary.Words(), EmojiStructure.TextLength);
        }
        return new Workspace(folder, EmojiDataset.Load(data), ClipTokenizer.Load(tokenizer));
    }

    public int Vocabulary => Tokenizer.EosId + 1;

    /// <summary>Token ids [B, 16] of the captions.</summary>
    public Tensor Tokens(IReadOnlyList<string> captions) =>
        tensor(captions.SelectMany(c => Tokenizer.Encode(c)).ToArray(), [captions.Count, EmojiStructure.TextLength]);

    /// <summary>A batch of composed images [B, 3, 32, 32] in [-1, 1].</summary>
    public Tensor Images(IReadOnlyList<Draw> draws)
    {
        var pixels = 3 * Data.Size * Data.Size;
        var buffer = new float[draws.Count * pixels];
        for (var i = 0; i < draws.Count; i++)
        {
            Data.Compose(draws[i].Image, draws[i].Background, draws[i].Flip, buffer.AsSpan(i * pixels, pixels));
        }
        return tensor(buffer, [draws.Count, 3, Data.Size, Data.Size]);
    }
}

/// <summary>One training example: which image, over which background (null = white), mirrored or not, and its caption.</summary>
public readonly record struct Draw(int Image, string? Background, bool Flip, string Caption);
