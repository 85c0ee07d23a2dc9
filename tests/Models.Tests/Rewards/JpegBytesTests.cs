using AlignProp.Models.Rewards;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Tests.Rewards;

/// <summary>The size of a real JPEG.</summary>
[Collection(FixtureCollection.Name)]
public sealed class JpegBytesTests
{
    [Fact]
    public void Noise_is_larger_than_a_flat_picture_and_a_better_quality_larger_than_a_worse()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3, CPU);
        var images = cat([randn(1, 3, 48, 64, generator: generator), zeros(1, 3, 48, 64)], 0);
        var (fine, coarse) = (Score(images, 95), Score(images, 20));
        Assert.True(fine[0] > 3 * fine[1]);
        Assert.True(fine[0] > 2 * coarse[0]);
        // A JPEG's tables alone are some hundred bytes; raw, the noise would be nine kilobytes.
        Assert.InRange(fine[1], 0.1f, 2);
        Assert.InRange(coarse[0], 0.5f, 9);
        Assert.Equal(fine, Score(images, 95));
    }

    [Fact]
    public void There_is_no_gradient()
    {
        using var scope = NewDisposeScope();
        using var reward = new JpegBytesReward(90);
        Assert.False(reward.Score(zeros(1, 3, 16, 16).requires_grad_(), ["a"]).requires_grad);
    }

    private static float[] Score(Tensor images, int quality)
    {
        using var reward = new JpegBytesReward(quality);
        return reward.Score(images, ["a", "b"]).data<float>().ToArray();
    }
}
