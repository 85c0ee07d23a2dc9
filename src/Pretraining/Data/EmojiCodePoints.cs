namespace AlignProp.Pretraining.Data;

/// <summary>Code point sequences as the packages spell them.</summary>
internal static class EmojiCodePoints
{
    /// <summary>Some packages keep the variation selector of emoji that also exist as text, some drop it.</summary>
    public static IEnumerable<string> Spellings(string codePoints) => [codePoints, codePoints + "-fe0f"];
}
