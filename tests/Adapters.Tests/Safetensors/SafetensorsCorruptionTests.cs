using System.Buffers.Binary;
using System.Text;

namespace AlignProp.Adapters.Tests;

public sealed class SafetensorsCorruptionTests
{
    [Theory]
    [InlineData("""{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 3, "'w'")]
    [InlineData("""{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 5, "belong to none")]
    [InlineData("""{"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "unused bytes")]
    [InlineData("""{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"""
        + ""","v":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}""", 6, "overlaps")]
    [InlineData("""{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"""
        + ""","v":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4, "overlaps")]
    [InlineData("""{"w":{"dtype":"F16","shape":[1],"data_offsets":[0,4]}}""", 4, "needs 2 bytes")]
    [InlineData("""{"w":{"dtype":"Q4","shape":[1],"data_offsets":[0,4]}}""", 4, "unsupported dtype 'Q4'")]
    [InlineData("""{"w":{"dtype":7,"shape":[1],"data_offsets":[0,4]}}""", 4, "unsupported dtype '7'")]
    [InlineData("""{"w":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", 4, "shape holds '-1'")]
    [InlineData("""{"w":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}""", 4, "shape holds '1.5'")]
    [InlineData("""{"w":{"dtype":"F32","shape":1,"data_offsets":[0,4]}}""", 4, "shape is not an array")]
    [InlineData("""{"w":{"dtype":"F32","shape":[4611686018427387904,4611686018427387904],"data_offsets":[0,4]}}""", 4,
        "too large")]
    [InlineData("""{"w":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}""", 4, "data_offsets")]
    [InlineData("""{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}}""", 4, "data_offsets")]
    [InlineData("""{"w":{"dtype":"F32","shape":[1]}}""", 4, "needs dtype, shape and data_offsets")]
    [InlineData("""{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}""", 4, "'x'")]
    [InlineData("""{"w":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}"""
        + ""","w":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}""", 0, "appears twice")]
    [InlineData("""{"__metadata__":{"a":"1","a":"2"}}""", 0, "__metadata__.a")]
    [InlineData("""{"__metadata__":{"a":1}}""", 0, "not a string")]
    [InlineData("""{"__metadata__":3}""", 0, "__metadata__")]
    [InlineData("""{"w":3}""", 0, "'w'")]
    [InlineData("[]", 0, "not a JSON object")]
    [InlineData("{", 0, "not valid JSON")]
    [InlineData("", 0, "not valid JSON")]
    public void A_corrupted_header_is_refused_with_the_reason(string json, int dataBytes, string reason)
    {
        var error = Assert.Throws<SafetensorsException>(() => SafetensorsFile.Parse(Build(json, dataBytes), "model.safetensors"));
        Assert.StartsWith("model.safetensors: ", error.Message);
        Assert.Contains(reason, error.Message);
    }

    [Fact]
    public void Every_truncation_of_a_valid_file_is_refused()
    {
        var whole = SafetensorsWriter.Serialize([TensorData.FromSingles("w", [3], [1, 2, 3])]);
        for (var length = 0; length < whole.Length; length++)
        {
            Assert.Throws<SafetensorsException>(() => SafetensorsFile.Parse(whole.AsMemory(0, length)));
        }
    }

    [Fact]
    public void Flipped_bytes_are_refused_by_name_or_read_but_never_anything_else()
    {
        var whole = Examples.Random(1).Serialize();
        var random = new DeterministicRandom(1);
        for (var i = 0; i < 20_000; i++)
        {
            var bytes = (byte[])whole.Clone();
            for (var flips = random.NextInt(1, 3); flips > 0; flips--)
            {
                bytes[random.NextInt(0, 900)] = (byte)random.NextUInt64();
            }

            try
            {
                LoraWeights.Deserialize(bytes);
            }
            catch (Exception e) when (e is WeightFileException or LoraFormatException)
            {
            }
        }
    }

    [Theory]
    [InlineData(ulong.MaxValue)]
    [InlineData(100_000_001UL)]
    [InlineData(1_000UL)]
    public void A_huge_header_length_is_refused(ulong length)
    {
        var bytes = Build("{}", 0);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, length);
        Assert.Contains("header length", Assert.Throws<SafetensorsException>(() => SafetensorsFile.Parse(bytes)).Message);
    }

    [Fact]
    public void Invalid_utf8_in_a_name_is_refused()
    {
        var bytes = Build("""{"w":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}""", 0);
        bytes[8 + 2] = 0xff;
        Assert.Throws<SafetensorsException>(() => SafetensorsFile.Parse(bytes));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(20)]
    public void A_corrupted_file_on_disk_is_named_and_not_left_open(int length)
    {
        var path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, Build("{}                                ", 0)[..length]);
            Assert.Contains(path, Assert.Throws<SafetensorsException>(() => SafetensorsFile.Open(path)).Message);
            using var exclusive = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static byte[] Build(string json, int dataBytes)
    {
        var text = Encoding.UTF8.GetBytes(json);
        var bytes = new byte[8 + text.Length + dataBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, (ulong)text.Length);
        text.CopyTo(bytes, 8);
        return bytes;
    }
}
