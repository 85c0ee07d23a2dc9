using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Rewards;

/// <summary>
/// Hasler and Süsstrunk, "Measuring colourfulness in natural images" (2003): spread and distance from grey of the two opponent
/// colours, on pixels of 0 to 255. 0 is grey, 15 slightly, 33 moderately, 59 quite, 109 extremely colourful.
/// </summary>
public sealed class ColourfulnessReward : IReward
{
    // Keeps the square roots' slopes finite on a grey picture; far below one step of 8 bits.
    private const float Floor = 1e-4f;

    public Tensor Score(Tensor images, IReadOnlyList<string> prompts)
    {
        using var scope = NewDisposeScope();
        var channels = (Pixels.From(images) * 255f).flatten(2).unbind(1);
        var (red, green, blue) = (channels[0], channels[1], channels[2]);
        var (redGreen, yellowBlue) = (red - green, (red + green) / 2 - blue);
        return (Length(Variance(redGreen), Variance(yellowBlue)) + Length(redGreen.mean([1]).square(),
            yellowBlue.mean([1]).square()) * 0.3f).MoveToOuterDisposeScope();
    }

    public Tensor Features(Tensor images) => Thumbnail.Features(images);

    public void Dispose()
    {
    }

    private static Tensor Variance(Tensor x) => x.var([1], unbiased: false);

    private static Tensor Length(Tensor a, Tensor b) => (a + b + Floor).sqrt();
}
