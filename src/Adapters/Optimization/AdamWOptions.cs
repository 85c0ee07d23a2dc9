namespace AlignProp.Adapters;

/// <summary>Settings of <see cref="AdamW"/>, with torch's meaning. Defaults are TRL's AlignProp settings.</summary>
/// <param name="LearningRate">At least 0.</param>
/// <param name="Beta1">Decay of the first moment, 0 to below 1.</param>
/// <param name="Beta2">Decay of the second moment, 0 to below 1.</param>
/// <param name="WeightDecay">Decoupled decay, at least 0: weights shrink by learning rate times this.</param>
/// <param name="Epsilon">Added to the denominator, above 0.</param>
public sealed record AdamWOptions(
    double LearningRate = 1e-3, double Beta1 = 0.9, double Beta2 = 0.999, double WeightDecay = 1e-4, double Epsilon = 1e-8)
{
    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentException">A setting is out of range; the message names it.</exception>
    public void Validate()
    {
        Require(double.IsFinite(LearningRate) && LearningRate >= 0, nameof(LearningRate), LearningRate, "at least 0");
        Require(Beta1 is >= 0 and < 1, nameof(Beta1), Beta1, "from 0 to below 1");
        Require(Beta2 is >= 0 and < 1, nameof(Beta2), Beta2, "from 0 to below 1");
        Require(double.IsFinite(WeightDecay) && WeightDecay >= 0, nameof(WeightDecay), WeightDecay, "at least 0");
        Require(double.IsFinite(Epsilon) && Epsilon > 0, nameof(Epsilon), Epsilon, "above 0");
    }

    private static void Require(bool holds, string name, double value, string allowed)
    {
        if (!holds)
        {
            throw new ArgumentException($"{name} = {value}, must be {allowed}");
        }
    }
}
