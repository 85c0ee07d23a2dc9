using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Rewards;

/// <summary>
/// A baseline JPEG encoder (ITU-T T.81) up to its entropy coder, differentiable: YCbCr, chroma at half size (4:2:0), 8 x 8 DCT,
/// division by the quantisation tables of Annex K scaled for a quality as libjpeg does. Nothing is rounded; what rounding and
/// Huffman codes do is in the estimate of bits, whose five factors were fitted to a real encoder (`codec-fit` of src/Pretraining;
/// figures in docs/rewards.md).
/// </summary>
public sealed class JpegCodec : IDisposable
{
    /// <summary>
    /// Bits of an empty picture, and of each of the other <see cref="Features"/>: least squares of relative errors against
    /// SkiaSharp's files.
    /// </summary>
    public static IReadOnlyList<double> Factors { get; } = [2357.58, 3.20, 1.34, 2.57, 1.35];

    private static readonly int[] Luminance =
    [
        16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87,
            80, 62,
        18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98,
            112, 100, 103, 99,
    ];

    private static readonly int[] Chrominance =
    [
        17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99,
            99, 99,
        99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
            99, 99,
    ];

    private readonly Tensor _cosines;
    private readonly Tensor _luminance;
    private readonly Tensor _chrominance;

    /// <param name="quality">1 to 100, as libjpeg counts.</param>
    public JpegCodec(int quality)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(quality, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(quality, 100);
        using var scope = NewDisposeScope();
        _cosines = tensor(Enumerable.Range(0, 64).Select(i => Cosine(i / 8, i % 8)).ToArray(), [8, 8]).DetachFromDisposeScope();
        _luminance = tensor(Scaled(Luminance, quality), [8, 8]).DetachFromDisposeScope();
        _chrominance = tensor(Scaled(Chrominance, quality), [8, 8]).DetachFromDisposeScope();
    }

    /// <param name="images">The VAE's output [B, 3, H, W], about [-1, 1].</param>
    /// <returns>Bytes [B] of each as a JPEG file.</returns>
    public Tensor Bytes(Tensor images)
    {
        using var scope = NewDisposeScope();
        var features = Features(images);
        using var factors = tensor(Factors.Select(f => (float)f).ToArray(), device: images.device);
        return (features.mv(factors) / 8).MoveToOuterDisposeScope();
    }

    /// <summary>What the bits are a linear function of.</summary>
    /// <returns>
    /// [B, 5]: one; soft count of AC coefficients that are not zero; sum of their bits; sum of the DC differences' bits; 8 x 8
    /// blocks.
    /// </returns>
    public Tensor Features(Tensor images)
    {
        using var scope = NewDisposeScope();
        var planes = Planes(Pixels.From(images) * 255f);
        var parts = planes.Select((plane, i) => Count(Quantised(plane, i == 0 ? _luminance : _chrominance))).ToList();
        var sum = parts.Aggregate((a, b) => a + b);
        return cat([ones_like(sum.narrow(1, 0, 1)), sum], 1).MoveToOuterDisposeScope();
    }

    /// <summary>Y [B, H, W], Cb and Cr [B, H/2, W/2], centred at 0, edges repeated to whole blocks.</summary>
    /// <param name="rgb">[B, 3, H, W], 0 to 255.</param>
    internal static Tensor[] Planes(Tensor rgb)
    {
        var (height, width) = (rgb.shape[2], rgb.shape[3]);
        // A macroblock is 16 x 16 pixels: four blocks of Y, one of each colour.
        rgb = nn.functional.pad(rgb, [0, (16 - width % 16) % 16, 0, (16 - height % 16) % 16], mode: PaddingModes.Replicate);
        var channels = rgb.unbind(1);
        var (r, g, b) = (channels[0], channels[1], channels[2]);
        Tensor Half(Tensor x) => nn.functional.avg_pool2d(x.unsqueeze(1), 2).squeeze(1);
        return
        [
            r * 0.299f + g * 0.587f + b * 0.114f - 128f,
            Half(r * -0.168736f - g * 0.331264f + b * 0.5f),
            Half(r * 0.5f - g * 0.418688f - b * 0.081312f),
        ];
    }

    /// <summary>DCT of every block over the table.</summary>
    /// <param name="plane">[B, H, W], multiples of 8.</param>
    /// <returns>[B, H/8, W/8, 8, 8].</returns>
    internal Tensor Quantised(Tensor plane, Tensor table)
    {
        var cosines = _cosines.to(plane.device);
        var blocks = plane.view(plane.shape[0], plane.shape[1] / 8, 8, plane.shape[2] / 8, 8).permute(0, 1, 3, 2, 4);
        return cosines.matmul(blocks).matmul(cosines.t()) / table.to(plane.device);
    }

    public void Dispose()
    {
        _cosines.Dispose();
        _luminance.Dispose();
        _chrominance.Dispose();
    }

    /// <summary>The orthonormal DCT-II of 8 points, which is T.81's.</summary>
    private static float Cosine(int u, int x) =>
        (float)((u == 0 ? Math.Sqrt(0.125) : 0.5) * Math.Cos((2 * x + 1) * u * Math.PI / 16));

    private static float[] Scaled(int[] table, int quality)
    {
        var scale = quality < 50 ? 5000 / quality : 200 - 2 * quality;
        return [.. table.Select(t => (float)Math.Clamp((t * scale + 50) / 100, 1, 255))];
    }

    /// <returns>[B, 4].</returns>
    private static Tensor Count(Tensor quantised)
    {
        var dc = quantised.select(4, 0).select(3, 0);
        var size = quantised.abs();
        // Half of 1 at a half, where rounding decides; smooth, and flat at 0.
        var fourth = size.square().square();
        var nonzero = fourth / (fourth + 0.0625f);
        var bits = (size + 1f).log2() * nonzero;
        var sides = dc.narrow(2, 1, dc.shape[2] - 1) - dc.narrow(2, 0, dc.shape[2] - 1);
        var tops = dc.narrow(2, 0, 1).narrow(1, 1, dc.shape[1] - 1) - dc.narrow(2, 0, 1).narrow(1, 0, dc.shape[1] - 1);
        Tensor Bits(Tensor x) => ((x.square() + 0.01f).sqrt() + 1f).log2().flatten(1).sum([1]);
        var ac = nonzero.sum([1, 2, 3, 4]) - nonzero.select(4, 0).select(3, 0).sum([1, 2]);
        var acBits = bits.sum([1, 2, 3, 4]) - bits.select(4, 0).select(3, 0).sum([1, 2]);
        return stack([ac, acBits, Bits(sides) + Bits(tops) + Bits(dc.narrow(1, 0, 1).narrow(2, 0, 1)),
            full_like(ac, dc.shape[1] * dc.shape[2])], 1);
    }
}
