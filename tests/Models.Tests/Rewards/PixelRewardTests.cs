using AlignProp.Models.Rewards;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Tests.Rewards;

/// <summary>
/// Colourfulness and symmetry against loops that say the formulas once more, and pictures whose value is known.
/// </summary>
[Collection(FixtureCollection.Name)]
public class PixelRewardTests
{
    private const int Size = 12;

    [Fact]
    public void Colourfulness_is_Hasler_and_Suesstrunks_formula()
    {
        using var scope = NewDisposeScope();
        manual_seed(1);
        var image = rand(1, 3, Size, Size) * 2 - 1;
        var p = ((image + 1) * 127.5f).data<float>().ToArray();
        const int N = Size * Size;
        var redGreen = Enumerable.Range(0, N).Select(i => (double)p[i] - p[N + i]).ToArray();
        var yellowBlue = Enumerable.Range(0, N).Select(i => 0.5 * ((double)p[i] + p[N + i]) - p[2 * N + i]).ToArray();
        static double Variance(double[] x) => x.Average(v => (v - x.Average()) * (v - x.Average()));
        var expected = Math.Sqrt(Variance(redGreen) + Variance(yellowBlue)) + 0.3 * Math.Sqrt(Math.Pow(redGreen.Average(),
            2) + Math.Pow(yellowBlue.Average(), 2));
        using var reward = new ColourfulnessReward();
        Assert.Equal(expected, reward.Score(image, [""]).item<float>(), 1e-2);
    }

    [Fact]
    public void Grey_has_no_colour_and_red_beside_blue_has_much()
    {
        using var scope = NewDisposeScope();
        using var reward = new ColourfulnessReward();
        Assert.InRange(reward.Score(rand(1, 1, Size, Size).expand(1, 3, -1, -1), [""]).item<float>(), 0, 0.1f);
        var picture = full([1, 3, Size, Size], -1f);
        picture[.., 0, .., ..6] = 1;
        picture[.., 2, .., 6..] = 1;
        // Half red: rg 255, yb 127.5; half blue: rg 0, yb -255. By hand: spreads 127.5 and 191.25, means 127.5 and -63.75.
        Assert.Equal(Math.Sqrt(127.5 * 127.5 + 191.25 * 191.25) + 0.3 * Math.Sqrt(127.5 * 127.5 + 63.75 * 63.75),
            reward.Score(picture, [""]).item<float>(), 1e-2);
    }

    [Fact]
    public void Symmetry_is_the_correlation_with_the_mirror_image()
    {
        using var scope = NewDisposeScope();
        manual_seed(2);
        using var reward = new SymmetryReward();
        var half = rand(1, 3, Size, Size / 2) * 1.6f - 0.8f;
        float Of(Tensor image) => reward.Score(image, [""]).item<float>();
        Assert.Equal(1, Of(cat([half, half.flip(3)], 3)), 1e-3f);
        Assert.Equal(-1, Of(cat([half, -half.flip(3)], 3)), 1e-3f);
        Assert.Equal(0, Of(full([1, 3, Size, Size], 0.3f)), 1e-6f);
        Assert.InRange(Of(rand(1, 3, Size, Size) * 2 - 1), -0.3f, 0.3f);
        var ramp = linspace(-0.9, 0.9, Size).expand(1, 3, Size, Size).to(ScalarType.Float32);
        Assert.Equal(-1, Of(ramp), 1e-3f);
        Assert.Equal(1, Of(ramp.transpose(2, 3)), 1e-3f);
    }
}
