namespace AlignProp.Pretraining.Data;

/// <summary>What reward tuning may do with a concept. Pretraining sees them all.</summary>
public enum ConceptSplit : byte
{
    /// <summary>Neither a training nor a held-out prompt.</summary>
    None,

    /// <summary>A prompt reward tuning trains on.</summary>
    Train,

    /// <summary>A prompt kept for judging what reward tuning carries over to.</summary>
    Eval,
}
