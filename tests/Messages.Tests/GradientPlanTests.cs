namespace AlignProp.Messages.Tests;

public sealed class GradientPlanTests
{
    [Fact]
    public void Step_sets_are_ordered_and_equal_by_their_steps()
    {
        Assert.Equal([1, 4, 7], StepSet.Of(7, 1, 4, 1));
        Assert.Equal(StepSet.Of(7, 1, 4), StepSet.Of(1, 4, 7));
        Assert.Equal(StepSet.Of(7, 1, 4).GetHashCode(), StepSet.Of(1, 4, 7).GetHashCode());
        Assert.NotEqual(StepSet.Of(1), StepSet.Of(1, 4));
        Assert.Equal(StepSet.Of(5, 6, 7), StepSet.Last(3, 8));
        Assert.True(StepSet.Last(3, 8).Contains(5));
        Assert.False(StepSet.Last(3, 8).Contains(4));
        Assert.Throws<ArgumentOutOfRangeException>(() => StepSet.Last(9, 8));
        Assert.Throws<ArgumentOutOfRangeException>(() => StepSet.Of(-1));
    }

    [Fact]
    public void Plans_are_equal_by_value() =>
        Assert.Equal(new GradientPlan(8, StepSet.Of(7, 6), true, 0), GradientPlan.LastSteps(2, 8));
}
