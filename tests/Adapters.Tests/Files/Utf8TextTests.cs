using System.Text;

namespace AlignProp.Adapters.Tests.Files;

public sealed class Utf8TextTests : IDisposable
{
    private readonly string _file = Path.Combine(Directory.CreateTempSubdirectory("alignprop-text-").FullName, "text.txt");

    public void Dispose() => Directory.Delete(Path.GetDirectoryName(_file)!, recursive: true);

    [Fact]
    public void A_byte_order_mark_is_no_text_and_lines_end_in_any_way()
    {
        File.WriteAllBytes(_file, [.. Encoding.UTF8.Preamble, .. "un café\r\n犬 🐼\na"u8]);
        Assert.Equal(["un café", "犬 🐼", "a"], Utf8Text.Lines(_file, m => new InvalidDataException(m)));
    }

    public static TheoryData<byte[], string> Foreign => new()
    {
        { Encoding.Latin1.GetBytes("a cat\nun café\n"), " line 2: not UTF-8: byte 13 is 0xE9; save the file as UTF-8" },
        { Encoding.Latin1.GetBytes("ni\u00f1o"), " line 1: not UTF-8: byte 3 is 0xF1" },
        { [0x41, 0xC3], " line 1: not UTF-8: byte 2 is 0xC3" },
        { [0xED, 0xA0, 0x80], " line 1: not UTF-8: byte 1 is 0xED" },
        { [0xC0, 0xAF], " line 1: not UTF-8: byte 1 is 0xC0" },
        { Encoding.Unicode.GetBytes("a panda\na cat\n"), " line 1: not UTF-8: byte 2 is 0 (UTF-16, little-endian?)" },
        { Encoding.BigEndianUnicode.GetBytes("a panda"), " line 1: not UTF-8: byte 1 is 0 (UTF-16, big-endian?)" },
        { [.. Encoding.Unicode.Preamble, .. Encoding.Unicode.GetBytes("a")], " line 1: not UTF-8 but UTF-16 (little-endian)" },
        { [.. Encoding.BigEndianUnicode.Preamble, 0, 65], " line 1: not UTF-8 but UTF-16 (big-endian)" },
        { [.. Encoding.UTF32.Preamble, 65, 0, 0, 0], " line 1: not UTF-8 but UTF-32 (little-endian)" },
        { [.. "a cat\na dog, a fox, a hen\nan ow"u8, 0, .. "l"u8], " line 3: not UTF-8: byte 32 is 0 (binary data?)" },
    };

    [Theory]
    [MemberData(nameof(Foreign))]
    public void What_is_not_utf_8_is_refused_by_line_and_byte(byte[] bytes, string expected)
    {
        File.WriteAllBytes(_file, bytes);
        var message = Assert.Throws<InvalidDataException>(() => Utf8Text.Read(_file, m => new InvalidDataException(m))).Message;
        Assert.StartsWith(_file + expected, message);
    }

    [Fact]
    public void A_file_that_cannot_be_read_is_named() =>
        Assert.StartsWith($"{_file}: cannot be read", Assert.Throws<InvalidDataException>(
            () => Utf8Text.Bytes(_file, m => new InvalidDataException(m))).Message);
}
