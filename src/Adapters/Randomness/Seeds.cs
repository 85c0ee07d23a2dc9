using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace AlignProp.Adapters;

/// <summary>
/// Seeds of everything random in a run. Each is a function of (run seed, step, sample, purpose), so that it does not matter which
/// node computes what, or how often.
/// </summary>
public static class Seeds
{
    /// <summary>Purpose: the initial latent x_T of a sample.</summary>
    public const string Noise = "noise";

    /// <summary>Purpose: the truncation length K.</summary>
    public const string Truncation = "truncation";

    /// <summary>Purpose: which prompt a sample gets.</summary>
    public const string Prompt = "prompt";

    /// <summary>Purpose: DDIM's noise between steps where eta is above 0.</summary>
    public const string VarianceNoise = "variance-noise";

    /// <summary>
    /// Purpose: the noise of copies of x_0 that are denoised once more (DRaFT-LV), derived from the sample's own noise seed.
    /// </summary>
    public const string Renoise = "renoise";

    /// <summary>Purpose: the times of a regression on own samples, derived from the sample's own noise seed.</summary>
    public const string RegressionTime = "regression-time";

    /// <summary>Purpose: the noise of a regression on own samples, likewise.</summary>
    public const string RegressionNoise = "regression-noise";

    private static readonly byte[] Domain = "alignprop-seed-1"u8.ToArray();

    /// <summary>
    /// The first 8 bytes, little-endian, of SHA-256 over: the 16 ASCII bytes <c>alignprop-seed-1</c>; run seed, step and sample,
    /// 8 bytes little-endian each; the purpose in UTF-8.
    /// </summary>
    public static ulong Derive(ulong runSeed, long step, long sample, string purpose)
    {
        ArgumentException.ThrowIfNullOrEmpty(purpose);
        var text = Encoding.UTF8.GetBytes(purpose);
        var message = new byte[Domain.Length + 24 + text.Length];
        Domain.CopyTo(message, 0);
        var numbers = message.AsSpan(Domain.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(numbers, runSeed);
        BinaryPrimitives.WriteInt64LittleEndian(numbers[8..], step);
        BinaryPrimitives.WriteInt64LittleEndian(numbers[16..], sample);
        text.CopyTo(numbers[24..]);
        return BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(message));
    }

    /// <summary>The seed's number in [0, 1): the first of its <see cref="DeterministicRandom"/>.</summary>
    public static double Uniform(ulong seed) => new DeterministicRandom(seed).NextDouble();

    /// <summary>The seed's whole number in the range, unbiased: the first of its <see cref="DeterministicRandom"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is empty.</exception>
    public static int UniformInt(ulong seed, int inclusiveMin, int inclusiveMax) =>
        new DeterministicRandom(seed).NextInt(inclusiveMin, inclusiveMax);

    /// <summary>The seed's standard normal number: the first of its <see cref="DeterministicRandom"/>.</summary>
    public static double Gaussian(ulong seed) => new DeterministicRandom(seed).NextGaussian();
}
