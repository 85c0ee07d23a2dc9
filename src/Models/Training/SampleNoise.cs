using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Training;

/// <summary>
/// Noise of a batch, one CPU generator a sample: a sample's numbers depend on its seed only, not on its neighbours or the device.
/// </summary>
public static class SampleNoise
{
    /// <returns>[B, C, h, w] on <paramref name="device"/>.</returns>
    public static Tensor Initial(IReadOnlyList<ulong> seeds, long[] shape, Device device) => Draw(seeds, shape).to(device);

    /// <summary>Variance noise of every step, for eta above 0.</summary>
    /// <returns>[N, B, C, h, w].</returns>
    public static Tensor Variance(IReadOnlyList<ulong> seeds, int steps, long[] shape, Device device)
    {
        using var scope = NewDisposeScope();
        return Draw(seeds, [steps, .. shape]).transpose(0, 1).contiguous().to(device).MoveToOuterDisposeScope();
    }

    private static Tensor Draw(IReadOnlyList<ulong> seeds, long[] shape)
    {
        using var scope = NewDisposeScope();
        return stack(seeds.Select(seed =>
        {
            using var generator = new Generator(seed, CPU);
            return randn(shape, dtype: ScalarType.Float32, device: CPU, generator: generator);
        }).ToArray(), 0).MoveToOuterDisposeScope();
    }
}
