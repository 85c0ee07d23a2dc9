namespace AlignProp.Pretraining.Data;

/// <summary>Something the small model can draw: its name, whether it is an animal, and its part in reward tuning.</summary>
public sealed record Concept(string Name, bool IsAnimal, ConceptSplit Split)
{
    /// <summary>The name with its article: "a cat", "an ant", "a unicorn".</summary>
    public string WithArticle => English.WithArticle(Name);
}
