namespace AlignProp.Pretraining.Data;

/// <summary>The grammar of captions: every form a picture can be described in.</summary>
public static class Captions
{
    /// <summary>"a sticker of a cat".</summary>
    public static string Styled(string style, Concept concept)
    {
        ArgumentNullException.ThrowIfNull(concept);
        return $"{English.WithArticle(style)} of {concept.WithArticle}";
    }

    /// <summary>Appends " on a blue background"; nothing for null.</summary>
    public static string On(string caption, string? background) =>
        background is null ? caption : $"{caption} on {English.WithArticle(background)} background";

    /// <summary>Every caption the concepts can get, for building and checking a tokenizer.</summary>
    public static IEnumerable<string> AllCaptions(IEnumerable<Concept> concepts)
    {
        ArgumentNullException.ThrowIfNull(concepts);
        return from concept in concepts
               from caption in Forms(concept)
               from background in BackgroundPalette.Colours.Select(colour => colour.Name).Prepend(null)
               select On(caption, background);
    }

    private static IEnumerable<string> Forms(Concept concept) =>
        [concept.Name, concept.WithArticle, .. EmojiStyles.Names.Select(style => Styled(style, concept))];
}
