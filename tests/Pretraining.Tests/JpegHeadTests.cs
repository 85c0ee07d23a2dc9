using AlignProp.Models.Rewards;
using AlignProp.Pretraining.Codec;
using AlignProp.Pretraining.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Pretraining.Tests;

/// <summary>A jpeg-size reward trained from pictures on disk loads as a reward and tells smooth from rough.</summary>
public sealed class JpegHeadTests : IDisposable
{
    private const int Size = 32;
    private readonly string _folder = Directory.CreateTempSubdirectory("alignprop-jpeg-head-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_folder_of_pictures_becomes_a_reward()
    {
        using var scope = NewDisposeScope();
        manual_seed(3);
        var pictures = Directory.CreateDirectory(Path.Combine(_folder, "pictures")).FullName;
        for (var i = 0; i < 60; i++)
        {
            Sheets.Write(Path.Combine(pictures, $"{i:D2}.png"), Size, 1, [Noise(i / 60f).flatten().data<float>().ToArray()], 1);
        }
        var target = Path.Combine(_folder, "reward");
        var (trained, rSquared) = JpegHead.Train(CodecTests.Models("emoji-clip"), pictures, target, Size, 90, 300);
        Assert.Equal(48, trained);
        Assert.True(rSquared > 0.8, $"R2 {rSquared}");

        using var reward = HeadReward.Load(target, CPU, ScalarType.Float32);
        var (smooth, rough) = (Noise(0.1f).unsqueeze(0), Noise(0.9f).unsqueeze(0));
        Assert.Equal(RealJpeg.Bytes(smooth[0], 90) / 1024f, reward.Score(smooth, [""]).item<float>(), 0.35f);
        Assert.Equal(RealJpeg.Bytes(rough[0], 90) / 1024f, reward.Score(rough, [""]).item<float>(), 0.35f);
    }

    [Fact]
    public void Too_few_pictures_are_named() =>
        Assert.Contains("0 pictures",
            Assert.Throws<ArgumentException>(() =>
            JpegHead.Train(CodecTests.Models("emoji-clip"), _folder, Path.Combine(_folder, "out"), Size, 90, 1)).Message);

    private static Tensor Noise(float contrast) => (randn(3, Size, Size) * contrast * 0.5f).clamp(-1, 1);
}
