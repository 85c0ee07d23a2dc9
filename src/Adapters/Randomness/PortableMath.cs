namespace AlignProp.Adapters;

/// <summary>
/// Functions made of IEEE additions, multiplications, divisions and square roots only, which every platform rounds alike; the C
/// library's <c>log</c> and <c>pow</c> differ in the last bit from one platform to the next.
/// </summary>
internal static class PortableMath
{
    private const double Ln2 = 0.693147180559945309417232121458;

    /// <summary>Natural logarithm of a positive normal number, to about 1e-15.</summary>
    internal static double Log(double x)
    {
        var bits = BitConverter.DoubleToInt64Bits(x);
        var exponent = (int)(bits >> 52) - 1023;
        var mantissa = BitConverter.Int64BitsToDouble((bits & 0x000f_ffff_ffff_ffff) | 0x3ff0_0000_0000_0000);
        if (mantissa > 1.4142135623730951)
        {
            mantissa /= 2;
            exponent++;
        }

        // log m = 2 artanh s with s = (m - 1)/(m + 1), |s| < 0.172: terms s^k / k are below 1e-17 after k = 21.
        var s = (mantissa - 1) / (mantissa + 1);
        var square = s * s;
        var series = 0.0;
        for (var k = 23; k >= 1; k -= 2)
        {
            series = series * square + 1.0 / k;
        }

        return exponent * Ln2 + 2 * s * series;
    }

    /// <summary>x to a whole power of at least 0, by repeated squaring.</summary>
    internal static double Power(double x, long exponent)
    {
        var result = 1.0;
        for (; exponent > 0; exponent >>= 1)
        {
            if ((exponent & 1) == 1)
            {
                result *= x;
            }

            x *= x;
        }

        return result;
    }
}
