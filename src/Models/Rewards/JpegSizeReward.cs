using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Rewards;

/// <summary>
/// A picture's size as a JPEG in kilobytes by <see cref="JpegCodec"/>: to be made small (compressibility) or large.
/// </summary>
/// <param name="sign">-1 for compressibility, 1 for incompressibility.</param>
public sealed class JpegSizeReward(int quality, int sign) : IReward
{
    private readonly JpegCodec _codec = new(quality);

    public Tensor Score(Tensor images, IReadOnlyList<string> prompts)
    {
        using var scope = NewDisposeScope();
        return (_codec.Bytes(images) * (sign / 1024f)).MoveToOuterDisposeScope();
    }

    public Tensor Features(Tensor images) => Thumbnail.Features(images);

    public void Dispose() => _codec.Dispose();
}
