using AlignProp.Models.Rewards;
using AlignProp.Pretraining.Codec;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Pretraining.Tests;

/// <summary>
/// The differentiable codec's size estimate against SkiaSharp's encoder, on pictures its factors were not fitted to.
/// </summary>
public class CodecTests
{
    [Fact]
    public void The_estimate_agrees_with_a_real_encoder_on_samples_and_textures()
    {
        using var scope = NewDisposeScope();
        var agreements = CodecFit.Check(CodecPictures.Make(Path.Combine(Root(), "docs", "pictures"), 1));
        Assert.Equal(16, agreements.Count);
        Assert.All(agreements, a =>
        {
            Assert.True(a.Correlation > 0.99, $"{a}");
            Assert.True(a.MedianError < 0.06, $"{a}");
            Assert.True(a.LargestError < 0.2, $"{a}");
        });
    }

    [Fact]
    public void A_smoother_picture_is_smaller_and_a_better_quality_larger()
    {
        using var scope = NewDisposeScope();
        manual_seed(1);
        var noise = randn(1, 3, 40, 56) * 0.3f;
        var smooth = nn.functional.avg_pool2d(noise, 5, stride: 1, padding: 2);
        float Size(Tensor image, int quality)
        {
            using var reward = new JpegSizeReward(quality, 1);
            return reward.Score(image, [""]).item<float>();
        }
        Assert.True(Size(smooth, 75) < 0.6f * Size(noise, 75));
        Assert.True(Size(noise, 50) < Size(noise, 75) && Size(noise, 75) < Size(noise, 95));
        // Sides that are no multiple of 16 are filled up, as the encoder does.
        Assert.Equal(RealJpeg.Bytes(noise[0], 75) / 1024f, Size(noise, 75), 0.3f);
        using var compressible = new JpegSizeReward(75, -1);
        Assert.Equal(-Size(noise, 75), compressible.Score(noise, [""]).item<float>(), 1e-5f);
    }

    internal static string Models(string name) => Path.Combine(Root(), "models", name);

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, "AlignProp.Actors.sln")))
        {
            folder = folder.Parent;
        }
        return folder.FullName;
    }
}
