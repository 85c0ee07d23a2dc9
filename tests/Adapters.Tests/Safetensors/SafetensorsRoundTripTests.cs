using System.Buffers.Binary;
using System.Text;

namespace AlignProp.Adapters.Tests;

public sealed class SafetensorsRoundTripTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("adapters-tests-").FullName;

    private static readonly TensorData[] Mixed =
    [
        TensorData.FromSingles("b", [2, 2], [1, -2.5f, float.NaN, 1e-42f]),
        new("a", DType.U8, [3], new byte[] { 1, 2, 3 }),
        new("half", DType.F16, [2], new byte[] { 0x00, 0x3c, 0x00, 0xc0 }),
        new("bf", DType.BF16, [1], new byte[] { 0x80, 0x3f }),
        new("wide", DType.F64, [], BitConverter.GetBytes(0.1)),
        new("none", DType.F32, [0, 4], ReadOnlyMemory<byte>.Empty),
        new("flag", DType.Bool, [1], new byte[] { 1 }),
    ];

    [Fact]
    public void A_written_file_reads_back()
    {
        var path = Path.Combine(_directory, "mixed.safetensors");
        SafetensorsWriter.Write(path, Mixed, new Dictionary<string, string> { ["format"] = "pt", ["näme"] = "\"+\n" });
        using var file = SafetensorsFile.Open(path);
        Assert.Equal(Mixed.Length, file.Tensors.Count);
        Assert.Equal("pt", file.Metadata["format"]);
        Assert.Equal("\"+\n", file.Metadata["näme"]);
        foreach (var tensor in Mixed)
        {
            Assert.Equal(tensor.Shape, file.Tensors[tensor.Name].Shape);
            Assert.Equal(tensor.DType, file.Tensors[tensor.Name].DType);
            Assert.True(tensor.Bytes.Span.SequenceEqual(file.Bytes(tensor.Name)));
        }

        Assert.Equal([1f, -2f], file.ReadSingles("half"));
        Assert.Equal([1f], file.ReadSingles("bf"));
        Assert.Equal([0.1f], file.ReadSingles("wide"));
        Assert.Equal([], file.ReadSingles("none"));
        Assert.Equal([1, -2.5f, float.NaN, 1e-42f], file.ReadSingles("b"));
        Assert.Equal([path], Directory.GetFiles(_directory));
    }

    [Fact]
    public void Bytes_do_not_depend_on_the_order_of_tensors_or_metadata()
    {
        var one = SafetensorsWriter.Serialize(Mixed, new Dictionary<string, string> { ["x"] = "1", ["a"] = "2" });
        var other = SafetensorsWriter.Serialize(Mixed.Reverse(), new Dictionary<string, string> { ["a"] = "2", ["x"] = "1" });
        Assert.Equal(one, other);
    }

    [Fact]
    public void The_written_file_has_the_bytes_of_serialize_and_replaces_an_older_one()
    {
        var path = Path.Combine(_directory, "twice.safetensors");
        SafetensorsWriter.Write(path, Mixed);
        SafetensorsWriter.Write(path, Mixed.Take(2));
        Assert.Equal(SafetensorsWriter.Serialize(Mixed.Take(2)), File.ReadAllBytes(path));
    }

    [Fact]
    public void The_header_is_padded_to_eight_and_data_is_aligned()
    {
        var bytes = SafetensorsWriter.Serialize(Mixed);
        Assert.Equal(0UL, BinaryPrimitives.ReadUInt64LittleEndian(bytes) % 8);
        using var file = SafetensorsFile.Parse(bytes);
        Assert.All(file.Tensors.Values, t => Assert.Equal(0, t.Offset % t.DType.Size()));
    }

    [Fact]
    public void The_exact_bytes_of_a_small_file_are_pinned()
    {
        var bytes = SafetensorsWriter.Serialize([TensorData.FromSingles("w", [1], [1f])],
            new Dictionary<string, string> { ["format"] = "pt" });
        const string header = """{"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""";
        Assert.Equal(header, Encoding.UTF8.GetString(bytes, 8, header.Length));
        Assert.Equal(8 + 88 + 4, bytes.Length);
    }

    [Fact]
    public void A_tensor_of_integers_is_not_read_as_floats()
    {
        using var file = SafetensorsFile.Parse(SafetensorsWriter.Serialize(Mixed));
        Assert.Contains("'a'", Assert.Throws<WeightFileException>(() => file.ReadSingles("a")).Message);
        Assert.Contains("'zzz'", Assert.Throws<WeightFileException>(() => file.ReadSingles("zzz")).Message);
    }

    [Fact]
    public void A_missing_file_is_named()
    {
        var path = Path.Combine(_directory, "nowhere", "missing.safetensors");
        Assert.Contains(path, Assert.Throws<FileNotFoundException>(() => SafetensorsFile.Open(path)).Message);
    }

    [Fact]
    public void A_disposed_file_refuses_to_read()
    {
        var path = Path.Combine(_directory, "disposed.safetensors");
        SafetensorsWriter.Write(path, Mixed);
        var file = SafetensorsFile.Open(path);
        file.Dispose();
        file.Dispose();
        Assert.Throws<ObjectDisposedException>(() => file.ReadSingles("b"));
    }

    [Fact]
    public void The_writer_refuses_repeated_reserved_and_ill_sized_tensors()
    {
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Serialize([Mixed[0], Mixed[0]]));
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Serialize([Mixed[0] with { Name = "__metadata__" }]));
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Serialize([Mixed[0] with { Shape = [5] }]));
    }

    [Fact]
    public void A_failing_write_leaves_the_old_file_and_no_rubbish()
    {
        var path = Path.Combine(_directory, "kept.bin");
        File.WriteAllText(path, "old");
        Assert.Throws<InvalidOperationException>(() => DurableFile.Replace(path, _ => throw new InvalidOperationException()));
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFiles(_directory));
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);
}
