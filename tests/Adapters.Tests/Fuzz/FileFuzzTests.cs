namespace AlignProp.Adapters.Tests.Fuzz;

/// <summary>A short form of <c>benchmarks fuzz</c>, with fixed seeds.</summary>
public sealed class FileFuzzTests
{
    [Theory]
    [InlineData("safetensors", 3000)]
    [InlineData("pickle", 1500)]
    [InlineData("zip", 1500)]
    [InlineData("index", 500)]
    [InlineData("lora", 1000)]
    [InlineData("folder", 300)]
    public void Damaged_files_are_read_or_refused_and_nothing_else(string kind, int count)
    {
        var counts = new FileFuzzer(seed: 20).Run(kind, count);
        // Both must happen, or the damage is too heavy, or not damage.
        Assert.InRange(counts.Refused, count / 10, count - 1);
        Assert.Equal(count, counts.Tried);
    }

    [Theory]
    [InlineData("{\"w\":[", (byte)'0')]
    [InlineData("{\"w", (byte)'x')]
    [InlineData("", (byte)'[')]
    public void A_header_of_a_hundred_megabytes_is_refused(string start, byte fill)
    {
        const int length = 99_999_999;
        var file = new byte[8 + length];
        file.AsSpan(8).Fill(fill);
        BitConverter.TryWriteBytes(file, (long)length);
        System.Text.Encoding.ASCII.GetBytes(start).CopyTo(file, 8);
        var error = Assert.Throws<SafetensorsException>(() => SafetensorsFile.Parse(file, "huge.safetensors"));
        Assert.Contains("not valid JSON", error.Message);
        Assert.True(error.Message.Length < 1000);
    }

    [Fact]
    public void A_shape_of_a_million_axes_is_refused()
    {
        var header = System.Text.Encoding.ASCII.GetBytes("{\"w\":{\"dtype\":\"F32\",\"shape\":["
            + string.Join(',', Enumerable.Repeat("1", 1_000_000)) + "],\"data_offsets\":[0,4]}}");
        var error = Assert.Throws<SafetensorsException>(
            () => SafetensorsFile.Parse((byte[])[.. BitConverter.GetBytes((long)header.Length), .. header, .. new byte[4]],
            "axes.safetensors"));
        Assert.Equal("axes.safetensors: 'w': shape has 1000000 numbers, more than 64", error.Message);
    }
}
