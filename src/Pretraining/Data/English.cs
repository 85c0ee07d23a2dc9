namespace AlignProp.Pretraining.Data;

/// <summary>The one rule of English grammar the captions need.</summary>
public static class English
{
    /// <summary>Puts "a" or "an" before a phrase.</summary>
    public static string WithArticle(string phrase)
    {
        ArgumentException.ThrowIfNullOrEmpty(phrase);
        var vowelSound = "aeiou".Contains(phrase[0]) && !phrase.StartsWith("uni", StringComparison.Ordinal);
        return (vowelSound ? "an " : "a ") + phrase;
    }
}
