namespace AlignProp.Pretraining.Data;

/// <summary>The closed language of the captions, from the static lists alone: no picture is needed.</summary>
public static class CaptionVocabulary
{
    /// <summary>Every caption the embedded concepts can get.</summary>
    public static IEnumerable<string> AllCaptions() => Captions.AllCaptions(ConceptList.Embedded.Concepts);

    /// <summary>The distinct words of all captions, sorted.</summary>
    public static IReadOnlyList<string> Words() =>
    [
        .. AllCaptions()
            .SelectMany(caption => caption.Split(' '))
            .Distinct()
            .Order(StringComparer.Ordinal),
    ];
}
