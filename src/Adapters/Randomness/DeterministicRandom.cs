using System.Numerics;

namespace AlignProp.Adapters;

/// <summary>
/// A stream of random numbers that is the same on every platform and in every version: xoshiro256** (Blackman and Vigna), its
/// state filled by SplitMix64. Not thread-safe, not for secrets.
/// </summary>
public sealed class DeterministicRandom
{
    private ulong _s0, _s1, _s2, _s3;
    private double? _spare;

    /// <summary>The stream of a seed; any seed is good, also 0.</summary>
    public DeterministicRandom(ulong seed)
    {
        _s0 = SplitMix(ref seed);
        _s1 = SplitMix(ref seed);
        _s2 = SplitMix(ref seed);
        _s3 = SplitMix(ref seed);
    }

    /// <summary>64 random bits.</summary>
    public ulong NextUInt64()
    {
        var result = BitOperations.RotateLeft(_s1 * 5, 7) * 9;
        var shifted = _s1 << 17;
        _s2 ^= _s0;
        _s3 ^= _s1;
        _s1 ^= _s2;
        _s0 ^= _s3;
        _s2 ^= shifted;
        _s3 = BitOperations.RotateLeft(_s3, 45);
        return result;
    }

    /// <summary>Uniform in [0, 1), a multiple of 2^-53.</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    /// <summary>
    /// A whole number from <paramref name="inclusiveMin"/> to <paramref name="inclusiveMax"/>, all equally likely.
    /// </summary>
    public int NextInt(int inclusiveMin, int inclusiveMax)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(inclusiveMax, inclusiveMin);
        var count = (ulong)((long)inclusiveMax - inclusiveMin + 1);

        // The 2^64 draws hold a whole number of equal shares but for the first 2^64 mod count, which are drawn again.
        var rejected = (0 - count) % count;
        ulong draw;
        do
        {
            draw = NextUInt64();
        }
        while (draw < rejected);

        return (int)(inclusiveMin + (long)(draw % count));
    }

    /// <summary>Standard normal: Box-Muller in Marsaglia's polar form, in fp64, without the C library's functions.</summary>
    public double NextGaussian()
    {
        if (_spare is { } spare)
        {
            _spare = null;
            return spare;
        }

        double x, y, square;
        do
        {
            x = 2 * NextDouble() - 1;
            y = 2 * NextDouble() - 1;
            square = x * x + y * y;
        }
        while (square is 0 or >= 1);

        var factor = Math.Sqrt(-2 * PortableMath.Log(square) / square);
        _spare = y * factor;
        return x * factor;
    }

    /// <summary>Fisher and Yates: every order equally likely.</summary>
    public T[] Shuffled<T>(IEnumerable<T> items)
    {
        T[] shuffled = [.. items];
        for (var i = shuffled.Length - 1; i > 0; i--)
        {
            var j = NextInt(0, i);
            (shuffled[i], shuffled[j]) = (shuffled[j], shuffled[i]);
        }
        return shuffled;
    }

    private static ulong SplitMix(ref ulong state)
    {
        state += 0x9e37_79b9_7f4a_7c15;
        var z = state;
        z = (z ^ (z >> 30)) * 0xbf58_476d_1ce4_e5b9;
        z = (z ^ (z >> 27)) * 0x94d0_49bb_1331_11eb;
        return z ^ (z >> 31);
    }
}
