using System.Buffers.Binary;

namespace AlignProp.Adapters.Tests.Weights;

/// <summary>A zip directory that lies.</summary>
public sealed class ZipDirectoryTests
{
    private static readonly byte[] Whole = TorchWriter.StateDict(("a", "FloatStorage", [2], new byte[8]),
        ("b", "FloatStorage", [2], new byte[8]));

    private const int End = 22, End64 = 56 + 20 + 22;

    [Fact]
    public void The_unchanged_file_is_read()
    {
        using var file = WeightFiles.Parse(Whole, "whole.pt");
        Assert.Equal(["a", "b"], file.Tensors.Keys.Order());
        Assert.All(file.Tensors.Values, t => Assert.Equal(0, t.Offset % 64));
    }

    [Fact]
    public void Every_truncation_is_refused()
    {
        for (var length = 4; length < Whole.Length; length++)
        {
            Assert.Throws<WeightFileException>(() => WeightFiles.Parse(Whole.AsMemory(0, length), "truncated.pt"));
        }
    }

    [Fact]
    public void An_entry_that_points_elsewhere_is_refused()
    {
        // The directory's entries for data/0 and data/1: let the second point at the first's local header.
        var (first, second) = (Entry("data/0"), Entry("data/1"));
        Assert.Contains("does not match the directory", Changed(b => b.AsSpan(first + 42, 4).CopyTo(b.AsSpan(second + 42, 4))));
        Assert.Contains("lies outside the zip file", Changed(b => Put(b, first + 42, 0xfffffff0)));
        Assert.Contains("zip64 sizes are missing", Changed(b => Put(b, first + 42, 0xffffffff)));
    }

    [Fact]
    public void Sizes_that_reach_into_the_next_member_or_beyond_the_file_are_refused()
    {
        var entry = Entry("data/0");
        Assert.Contains("overlaps 'archive/data/1'", Changed(b => Sizes(b, entry, 100)));
        Assert.Contains("lie outside the zip file", Changed(b => Sizes(b, entry, 0x7fffffff)));
        Assert.Contains("overlaps", Changed(b => Sizes(b, Entry("version"), 60)));
        Assert.Contains("yet 8 bytes are said to hold 9", Changed(b => Put(b, entry + 24, 9)));
    }

    [Fact]
    public void Two_members_of_one_name_are_refused()
    {
        var (first, second) = (Entry("data/0"), Entry("data/1"));
        Assert.Contains("'archive/data/0': appears twice", Changed(b =>
        {
            var local = (int)BinaryPrimitives.ReadUInt32LittleEndian(b.AsSpan(second + 42));
            b[local + 30 + "archive/data/".Length] = (byte)'0';
            b[second + 46 + "archive/data/".Length] = (byte)'0';
        }));
        Assert.NotEqual(first, second);
    }

    [Fact]
    public void Compression_and_encryption_are_refused()
    {
        var entry = Entry("data/0");
        Assert.Contains("is encrypted", Changed(b => b[entry + 8] |= 1));
        Assert.Contains("is compressed", Changed(b => b[entry + 10] = 8));
    }

    [Fact]
    public void End_records_that_lie_are_refused()
    {
        Assert.Contains("contradict", Changed(b => b[^(End - 10)] ^= 1));
        Assert.Contains("not where its locator says", Changed(b => Put(b, b.Length - End - 12, 0x7fffffff)));
        Assert.Contains("several volumes", Changed(b => b[^(End - 4)] = 3));
        Assert.Contains("contradict", Changed(b => b[^(End64 - 40)] ^= 1));
    }

    [Fact]
    public void A_zip_file_of_something_else_is_told()
    {
        Assert.Contains("no data.pkl", Error(Empty()));
        Assert.Contains("TorchScript module",
            Error(TorchWriter.Archive(new PickleBuilder().Op('}').Stop(), ("constants.pkl", [1]))));
        Assert.Contains("has no directory at its end", Error([.. "PK\x03\x04"u8, .. new byte[100]]));
    }

    private static byte[] Empty()
    {
        using var stream = new MemoryStream();
        new TorchWriter(stream).Dispose();
        return [.. "PK"u8, .. new byte[62], .. Shift(stream.ToArray())];
    }

    // The records of an archive without members, 64 bytes further on.
    private static byte[] Shift(byte[] end)
    {
        Put(end, 48, 64);
        Put(end, 56 + 8, 64);
        Put(end, 56 + 20 + 16, 64);
        return end;
    }

    private static void Sizes(byte[] bytes, int entry, uint size)
    {
        Put(bytes, entry + 20, size);
        Put(bytes, entry + 24, size);
    }

    private static int Entry(string member)
    {
        var name = System.Text.Encoding.ASCII.GetBytes($"archive/{member}");
        return Whole.AsSpan().LastIndexOf(name) - 46;
    }

    private static void Put(byte[] bytes, int at, uint value) =>
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(at), value);

    private static string Changed(Action<byte[]> change)
    {
        var bytes = (byte[])Whole.Clone();
        change(bytes);
        return Error(bytes);
    }

    private static string Error(byte[] bytes) => Assert.Throws<WeightFileException>(() => WeightFiles.Parse(bytes, "weights.pt"))
        .Message;
}
