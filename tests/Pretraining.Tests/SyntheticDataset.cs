using AlignProp.Pretraining.Data;

namespace AlignProp.Pretraining.Tests;

/// <summary>Two pictures of 2x2 pixels: an opaque red one with a clear right column, and a clear one.</summary>
internal static class SyntheticDataset
{
    public static EmojiDataset Create()
    {
        byte[] red = [255, 0, 0, 255];
        byte[] clear = [0, 0, 0, 0];
        return new EmojiDataset(
            2,
            [.. red, .. clear, .. red, .. clear, .. clear, .. clear, .. clear, .. clear],
            [1, 0],
            [0, 4],
            [new Concept("cat", true, ConceptSplit.Train), new Concept("ice cream", false, ConceptSplit.None)],
            EmojiStyles.Names);
    }
}
