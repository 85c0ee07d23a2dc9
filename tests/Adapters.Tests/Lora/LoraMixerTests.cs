namespace AlignProp.Adapters.Tests;

public sealed class LoraMixerTests
{
    private static readonly LoraWeights One = Examples.Random(1), Two = Examples.Random(2);

    [Fact]
    public void Interpolation_ends_at_the_adapters_and_is_linear_in_the_parameters()
    {
        Examples.AssertSame(One, LoraMixer.Interpolate((One, 1), (Two, 0)));
        Examples.AssertSame(Two, LoraMixer.Interpolate((One, 0), (Two, 1)));
        var middle = LoraMixer.Interpolate((One, 0.25), (Two, 0.75));
        for (var i = 0; i < middle.Tensors.Count; i++)
        {
            Assert.Equal((float)(0.25 * One.Tensors[i].Values[3] + 0.75 * Two.Tensors[i].Values[3]), middle.Tensors[i].Values[3]);
        }
    }

    [Fact]
    public void The_sum_adds_what_the_adapters_add()
    {
        var wide = Examples.Random(3, rank: 2, alpha: 5);
        var sum = LoraMixer.Sum((One, 0.5), (wide, -1.5));
        Assert.Equal(5, sum.Rank);
        Assert.Equal(1, sum.Scale);
        foreach (var module in sum.Modules)
        {
            double[] one = Examples.Delta(One, module), other = Examples.Delta(wide, module), found = Examples.Delta(sum, module);
            for (var i = 0; i < found.Length; i++)
            {
                Assert.Equal(0.5 * one[i] - 1.5 * other[i], found[i], 1e-5);
            }
        }
    }

    [Fact]
    public void Adapters_that_do_not_fit_are_refused()
    {
        Assert.Throws<LoraShapeException>(() => LoraMixer.Interpolate((One, 1), (Examples.Random(1, rank: 2), 1)));
        Assert.Throws<ArgumentException>(() => LoraMixer.Interpolate((One, 1), (Examples.Random(1, alpha: 1), 1)));
        Assert.Throws<ArgumentException>(() => LoraMixer.Interpolate((One, double.NaN)));
        Assert.Throws<ArgumentException>(() => LoraMixer.Interpolate());
        Assert.Throws<LoraShapeException>(() => LoraMixer.Sum((One, 1), (new LoraWeights(3, 3, One.Tensors.Take(2)), 1)));
        var other = LoraInitializer.Gaussian([new AdapterSite("unet", Examples.Query, [7, 6]),
            new AdapterSite("unet", Examples.Output, [5, 11])], 3, 1);
        Assert.Contains(Examples.Query, Assert.Throws<LoraShapeException>(() => LoraMixer.Sum((One, 1), (other, 1))).Message);
    }
}
