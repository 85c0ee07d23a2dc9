using System.Text;

namespace AlignProp.Adapters;

/// <summary>
/// Text files, all of which are UTF-8, with or without a byte order mark: what is not is refused by line and byte, and never
/// read with replacement characters.
/// </summary>
public static class Utf8Text
{
    private static ReadOnlySpan<byte> Mark => [0xEF, 0xBB, 0xBF];

    /// <summary>The bytes without a byte order mark, once they are known to be UTF-8.</summary>
    /// <param name="refuse">Makes the exception of one line that names the file, the line and the byte.</param>
    public static byte[] Bytes(string path, Func<string, Exception> refuse)
    {
        byte[] bytes;
        try
        {
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw refuse($"{path}: cannot be read ({e.Message})");
        }
        return Problem(bytes) is { } problem ? throw refuse($"{path} {problem}; save the file as UTF-8")
            : bytes.AsSpan().StartsWith(Mark) ? bytes[Mark.Length..] : bytes;
    }

    /// <inheritdoc cref="Bytes" path="/param"/>
    public static string Read(string path, Func<string, Exception> refuse) => Encoding.UTF8.GetString(Bytes(path, refuse));

    /// <summary>The lines, as <see cref="File.ReadLines(string)"/> divides them.</summary>
    /// <inheritdoc cref="Bytes" path="/param"/>
    public static IReadOnlyList<string> Lines(string path, Func<string, Exception> refuse)
    {
        using var reader = new StringReader(Read(path, refuse));
        var lines = new List<string>();
        while (reader.ReadLine() is { } line)
        {
            lines.Add(line);
        }
        return lines;
    }

    /// <summary>What keeps the bytes from being UTF-8 text, with line and byte, both from 1; null when nothing does.</summary>
    public static string? Problem(ReadOnlySpan<byte> bytes)
    {
        if (ForeignMark(bytes) is { } other)
        {
            return $"line 1: not UTF-8 but {other} (by its byte order mark)";
        }
        var nul = bytes.IndexOf((byte)0);
        for (var at = 0; at < bytes.Length;)
        {
            if (nul == at)
            {
                return $"line {Line(bytes, at)}: not UTF-8: byte {at + 1} is 0 ({Nuls(bytes)})";
            }
            if (Rune.DecodeFromUtf8(bytes[at..], out _, out var length) != System.Buffers.OperationStatus.Done)
            {
                return $"line {Line(bytes, at)}: not UTF-8: byte {at + 1} is 0x{bytes[at]:X2}";
            }
            at += length;
        }
        return null;
    }

    private static string? ForeignMark(ReadOnlySpan<byte> bytes) => bytes switch
    {
        [0xFF, 0xFE, 0, 0, ..] => "UTF-32 (little-endian)",
        [0xFF, 0xFE, ..] => "UTF-16 (little-endian)",
        [0xFE, 0xFF, ..] => "UTF-16 (big-endian)",
        [0, 0, 0xFE, 0xFF, ..] => "UTF-32 (big-endian)",
        _ => null,
    };

    // Latin letters in UTF-16 are every other byte zero: which ones says the order.
    private static string Nuls(ReadOnlySpan<byte> bytes)
    {
        var (even, odd) = (0, 0);
        for (var i = 0; i < bytes.Length; i++)
        {
            if (bytes[i] == 0)
            {
                _ = i % 2 == 0 ? even++ : odd++;
            }
        }
        return 4 * (even + odd) < bytes.Length ? "binary data?"
            : even < odd ? "UTF-16, little-endian?" : "UTF-16, big-endian?";
    }

    private static int Line(ReadOnlySpan<byte> bytes, int at) => bytes[..at].Count((byte)'\n') + 1;
}
