namespace AlignProp.Messages;

/// <summary>
/// What one reward gave over a step or an evaluation, as the reward itself counts: before weight and normalisation.
/// </summary>
public sealed record RewardScore(string Label, double Mean, double Std);
