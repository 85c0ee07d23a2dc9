using System.Buffers.Binary;

namespace AlignProp.Adapters.Tests.Fuzz;

/// <summary>Damages bytes at random: flips, extreme numbers, cuts, repeats, pieces of another file.</summary>
internal sealed class Mutator(DeterministicRandom random)
{
    private static readonly ulong[] Extremes =
        [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 0x7fffffffffffffff, 0x8000000000000000,
            ulong.MaxValue, 4294967296, 100_000_000, 99_999_999];

    private static readonly byte[][] Tokens =
    [
        .. new[]
        {
            "-1", "0", "9223372036854775807", "18446744073709551616", "1e309", "1.5", "null", "true", "[]", "{}", "\"F32\"",
                "\"BF16\"", "\"F8_E4M3\"", "[0,0]", "[4,4]", "[0,9223372036854775807]",
            "\"__metadata__\":{},", "\"\\ud800\"", "[[[[[[[[[[", "{\"a\":", ",", "\"", "4611686018427387904", "\u0000",
                "\"../x\"", "FloatStorage", "posix\nsystem\n", "collections\nOrderedDict\n", "data/0", ".lora_up.weight",
                ".alpha",
        }.Select(System.Text.Encoding.UTF8.GetBytes),
    ];

    public byte[] Mutate(byte[] source, byte[] other)
    {
        var bytes = source;
        for (var changes = 1 + Below(4); changes > 0; changes--)
        {
            bytes = bytes.Length == 0 ? other : Change(bytes, other);
        }

        return bytes;
    }

    private byte[] Change(byte[] source, byte[] other)
    {
        var bytes = (byte[])source.Clone();
        var at = At(bytes);
        switch (Below(9))
        {
            case 0:
                bytes[at] ^= (byte)(1 << Below(8));
                return bytes;
            case 1:
                bytes[at] = (byte)random.NextUInt64();
                return bytes;
            case 2:
                return Overwrite(bytes, at, Extreme());
            case 3:
                return Overwrite(bytes, at, Tokens[Below(Tokens.Length)]);
            case 4:
                return [.. bytes[..at], .. Tokens[Below(Tokens.Length)], .. bytes[at..]];
            case 5:
                return [.. bytes[..at], .. bytes[Math.Min(bytes.Length, at + 1 + Below(39))..]];
            case 6:
                return [.. bytes[..at], .. bytes[Math.Max(0, at - 1 - Below(199))..]];
            case 7 when other.Length > 0:
                var from = At(other);
                return Overwrite(bytes, at, other[from..Math.Min(other.Length, from + 1 + Below(59))]);
            case 8 when Below(4) == 0:
                return bytes[..at];
            default:
                return NumberOfText(bytes, at);
        }
    }

    private int Below(int count) => random.NextInt(0, count - 1);

    // Half of the places are near the ends, where headers and directories lie.
    private int At(byte[] bytes) => Below(4) switch
    {
        0 => Below(Math.Min(bytes.Length, 64)),
        1 => bytes.Length - 1 - Below(Math.Min(bytes.Length, 400)),
        _ => Below(bytes.Length),
    };

    private byte[] Extreme()
    {
        var number = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(number, Extremes[Below(Extremes.Length)] + (ulong)Below(2));
        return number[..(1 << Below(4))];
    }

    /// <summary>The next decimal number of a text becomes another one.</summary>
    private byte[] NumberOfText(byte[] bytes, int at)
    {
        while (at < bytes.Length && !char.IsAsciiDigit((char)bytes[at]))
        {
            at++;
        }

        var end = at;
        while (end < bytes.Length && char.IsAsciiDigit((char)bytes[end]))
        {
            end++;
        }

        var number = Below(3) switch
        {
            0 => $"{Below(64)}",
            1 => $"{Extremes[Below(Extremes.Length)]}",
            _ => $"-{Below(9)}",
        };
        return at == bytes.Length ? bytes : [.. bytes[..at], .. System.Text.Encoding.ASCII.GetBytes(number), .. bytes[end..]];
    }

    private static byte[] Overwrite(byte[] bytes, int at, byte[] with)
    {
        with.AsSpan(0, Math.Min(with.Length, bytes.Length - at)).CopyTo(bytes.AsSpan(at));
        return bytes;
    }
}
