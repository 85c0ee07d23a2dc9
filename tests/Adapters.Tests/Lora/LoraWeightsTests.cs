namespace AlignProp.Adapters.Tests;

public sealed class LoraWeightsTests
{
    private static readonly LoraWeights Sample = Examples.Random(1);

    [Fact]
    public void Tensors_are_ordered_by_name_however_they_are_given()
    {
        var reversed = new LoraWeights(3, 3, Sample.Tensors.Reverse());
        Assert.Equal(Sample.Tensors.Select(t => t.Name), reversed.Tensors.Select(t => t.Name));
        Assert.Equal(Sample.Serialize(), reversed.Serialize());
        Assert.Equal([Examples.Query, Examples.Output], Sample.Modules);
    }

    [Fact]
    public void Serialized_weights_come_back_bit_by_bit()
    {
        var odd = new LoraWeights(3, 0.1, Sample.Map(t => [-0f, float.Epsilon, .. t.Values[2..]]).Tensors);
        var back = LoraWeights.Deserialize(odd.Serialize());
        Assert.Equal(odd.Sha256, back.Sha256);
        Assert.Equal(odd.Serialize(), back.Serialize());
        Assert.Equal(0.1, back.Alpha);
        Assert.Equal(3, back.Rank);
        Assert.True(float.IsNegative(back.Tensors[0].Values[0]));
    }

    [Fact]
    public void A_saved_file_has_the_serialized_bytes()
    {
        var path = Path.GetTempFileName();
        try
        {
            Sample.Save(path);
            Assert.Equal(Sample.Serialize(), File.ReadAllBytes(path));
            Examples.AssertSame(Sample, LoraWeights.Load(path));
            Examples.AssertSame(Sample, LoraFile.Read(path));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void The_hash_covers_values_rank_and_alpha()
    {
        var other = Sample.Map(t => [t.Values[0] + 1, .. t.Values[1..]]);
        var scaled = new LoraWeights(3, 6, Sample.Tensors);
        Assert.Equal(3, new[] { Sample.Sha256, other.Sha256, scaled.Sha256 }.Distinct().Count());
        Assert.Matches("^[0-9a-f]{64}$", Sample.Sha256);
    }

    [Fact]
    public void Foreign_bytes_are_refused_by_name()
    {
        var foreign = SafetensorsWriter.Serialize([TensorData.FromSingles("x", [1], [1])]);
        Assert.Contains("format", Assert.Throws<LoraFormatException>(() => LoraWeights.Deserialize(foreign)).Message);
        Assert.Throws<SafetensorsException>(() => LoraWeights.Deserialize(new byte[] { 1, 2 }));
        Assert.Throws<SafetensorsException>(() => LoraWeights.Deserialize(Sample.Serialize().AsMemory()[..^1]));
    }

    [Theory]
    [InlineData("rank", "0")]
    [InlineData("rank", "4")]
    [InlineData("rank", "2.5")]
    [InlineData("rank", "x")]
    [InlineData("alpha", "NaN")]
    [InlineData("alpha", "-1")]
    public void Bytes_with_a_wrong_scale_are_refused(string key, string value)
    {
        var metadata = new Dictionary<string, string>
        {
            ["format"] = "alignprop-lora",
            ["rank"] = "3",
            ["alpha"] = "3",
            [key] = value
        };
        Assert.Throws<LoraFormatException>(() =>
            LoraWeights.Deserialize(SafetensorsWriter.Serialize(LoraCodec.Tensors(Sample), metadata)));
    }

    [Fact]
    public void Bytes_with_a_wrong_type_or_an_endless_empty_shape_are_refused()
    {
        var metadata = new Dictionary<string, string> { ["format"] = "alignprop-lora", ["rank"] = "3", ["alpha"] = "3" };
        TensorData[] bads =
        [
            new("a.lora_A.weight", DType.I32, [3, 1], new byte[12]),
            new("a.lora_A.weight", DType.F32, [0, 1L << 40], ReadOnlyMemory<byte>.Empty),
        ];
        foreach (var bad in bads)
        {
            var bytes = SafetensorsWriter.Serialize(LoraCodec.Tensors(Sample).Append(bad), metadata);
            var error = Assert.Throws<LoraFormatException>(() => LoraWeights.Deserialize(bytes));
            Assert.Equal("a.lora_A.weight", error.Key);
        }
    }

    [Fact]
    public void Ill_formed_tensors_are_refused_by_name()
    {
        void Refused(string key, params LoraTensor[] tensors) =>
            Assert.Equal(key, Assert.Throws<LoraShapeException>(() => new LoraWeights(1, 1, tensors)).Key);
        var up = new LoraTensor("m.lora_B.weight", [2, 1], new float[2]);
        Refused("m.lora_B.weight", up);
        Refused("m.lora_B.weight", up, up);
        Refused("m.weight", new LoraTensor("m.weight", [1, 1], new float[1]));
        Refused("m.lora_A.weight", new LoraTensor("m.lora_A.weight", [2, 2], new float[4]), up);
        Refused("m.lora_A.weight", new LoraTensor("m.lora_A.weight", [1, 2], new float[3]), up);
        Refused("m.lora_A.weight", new LoraTensor("m.lora_A.weight", [1], new float[1]), up);
    }

    [Fact]
    public void Another_shape_or_a_missing_or_surplus_tensor_is_named()
    {
        var smaller = new LoraWeights(3, 3, Sample.Tensors.Skip(2));
        Assert.Equal(Sample.Tensors[0].Name, Assert.Throws<LoraShapeException>(() => Sample.RequireSameShapes(smaller)).Key);
        Assert.Equal(Sample.Tensors[0].Name, Assert.Throws<LoraShapeException>(() => smaller.RequireSameShapes(Sample)).Key);
        var narrower = Examples.Random(1, rank: 2);
        Assert.Contains("[2, 5], expected [3, 5]",
            Assert.Throws<LoraShapeException>(() => Sample.RequireSameShapes(narrower)).Message);
        Sample.RequireSameShapes(Examples.Random(2, alpha: 9));
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void A_single_value_that_is_not_finite_is_found_anywhere(float bad)
    {
        Assert.Null(Sample.FirstNonFinite);
        Assert.Null(Sample.Map(t => [.. t.Values.Select(_ => float.MaxValue)]).FirstNonFinite);
        foreach (var tensor in Sample.Tensors)
        {
            for (var i = 0; i < tensor.Values.Length; i++)
            {
                var spoiled = Sample.Map(t => t.Name == tensor.Name ? [.. t.Values[..i], bad, .. t.Values[(i + 1)..]] : t.Values);
                Assert.Equal(tensor.Name, spoiled.FirstNonFinite);
            }
        }
    }

    [Fact]
    public void Values_can_be_replaced_in_any_order_but_not_partly()
    {
        var values = Sample.Tensors.Select(t => (t.Name, new float[t.Values.Length])).Reverse().ToList();
        Examples.AssertSame(Sample.ZerosLike(), Sample.WithValues(values));
        Assert.Throws<LoraShapeException>(() => Sample.WithValues(values.Skip(1)));
        Assert.Throws<LoraShapeException>(() => Sample.WithValues(values.Append(values[0])));
        Assert.Throws<LoraShapeException>(() => Sample.WithValues([("nowhere", [])]));
        Assert.Throws<LoraShapeException>(() => Sample.WithValues([(values[0].Name, [])]));
    }

    [Fact]
    public void Counts_and_scale_are_those_of_the_tensors()
    {
        Assert.Equal(3 * (5 + 7 + 11 + 5), Sample.ParameterCount);
        Assert.Equal(0.5, new LoraWeights(3, 1.5, Sample.Tensors).Scale);
        Assert.Throws<ArgumentOutOfRangeException>(() => new LoraWeights(0, 1, []));
        Assert.Throws<ArgumentOutOfRangeException>(() => new LoraWeights(1, double.NaN, []));
    }
}
