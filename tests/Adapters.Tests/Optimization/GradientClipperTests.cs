namespace AlignProp.Adapters.Tests;

public sealed class GradientClipperTests
{
    private static readonly LoraWeights Gradient = new(1, 1,
    [
        new("m.lora_A.weight", [1, 2], [3, 0]),
        new("m.lora_B.weight", [1, 1], [-4]),
    ]);

    [Fact]
    public void A_long_gradient_is_scaled_to_the_largest_norm()
    {
        var (clipped, norm) = GradientClipper.ClipByGlobalNorm(Gradient, 2);
        Assert.Equal(5, norm);
        var coefficient = (float)(2 / (5 + 1e-6));
        Assert.Equal([3 * coefficient, 0], clipped.Tensors[0].Values);
        Assert.Equal([-4 * coefficient], clipped.Tensors[1].Values);
        Assert.Equal([3f, 0], Gradient.Tensors[0].Values);
    }

    [Theory]
    [InlineData(5.1)]
    [InlineData(5.000002)]
    [InlineData(double.PositiveInfinity)]
    public void A_short_gradient_is_left_alone(double maxNorm) =>
        Assert.Same(Gradient, GradientClipper.ClipByGlobalNorm(Gradient, maxNorm).Gradient);

    [Fact]
    public void At_the_norm_itself_the_small_number_still_counts() =>
        Assert.Equal(3 * (float)(5 / (5 + 1e-6)), GradientClipper.ClipByGlobalNorm(Gradient, 5).Gradient.Tensors[0].Values[0]);

    [Fact]
    public void A_zero_gradient_stays_zero() =>
        Assert.Equal(0, GradientClipper.ClipByGlobalNorm(Gradient.ZerosLike(), 1).Norm);

    [Fact]
    public void A_gradient_of_large_values_does_not_overflow() =>
        Assert.Equal(Math.Sqrt(3) * 1e30, GradientClipper.GlobalNorm(Gradient.Map(t => [.. t.Values.Select(_ => 1e30f)])), 1e24);

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(double.NaN)]
    public void A_largest_norm_that_is_not_above_zero_is_refused(double maxNorm) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => GradientClipper.ClipByGlobalNorm(Gradient, maxNorm));

    [Fact]
    public void A_gradient_that_is_not_finite_is_refused() =>
        Assert.Throws<NonFiniteException>(() =>
            GradientClipper.ClipByGlobalNorm(Gradient.Map(t => [.. t.Values.Select(_ => float.NaN)]), 1));
}
