namespace AlignProp.Adapters.Tests;

public sealed class WeightMergerTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("alignprop-merge-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(DType.F32, 1e-6)]
    [InlineData(DType.F16, 4e-3)]
    [InlineData(DType.BF16, 3e-2)]
    public void Weights_get_the_product_and_all_else_stays_byte_for_byte(DType dtype, double tolerance)
    {
        var lora = Examples.Random(8, rank: 3, alpha: 1.5);
        var weight = Random(7 * 5);
        var (query, output) = (Examples.Query + ".weight", Examples.Output + ".weight");
        var path = Write("unet.safetensors", dtype, (query, [7, 5], weight), (output, [5, 11], Random(55)),
            (Examples.Output + ".bias", [5], Random(5)));
        var merged = Path.Combine(_folder, "merged.safetensors");
        using var unet = WeightFiles.Open(path);
        WeightMerger.Write(merged, unet, lora);
        using var file = SafetensorsFile.Open(merged);
        Assert.Equal(unet.Tensors.Keys.Order(StringComparer.Ordinal), file.Tensors.Keys.Order(StringComparer.Ordinal));
        Assert.All(file.Tensors.Values, t => Assert.Equal((dtype, unet.Tensors[t.Name].Shape.Length), (t.DType, t.Shape.Length)));
        Assert.True(file.Bytes(Examples.Output + ".bias").SequenceEqual(unet.Bytes(Examples.Output + ".bias")));
        foreach (var module in lora.Modules)
        {
            var expected = unet.ReadSingles(module + ".weight").Zip(Examples.Delta(lora, module), (w, d) => w + d);
            Assert.All(expected.Zip(file.ReadSingles(module + ".weight")), p => Assert.Equal(p.First, p.Second, tolerance));
        }
    }

    [Fact]
    public void A_sum_is_rounded_once_to_the_files_precision()
    {
        // In fp16, 2048 + 1.5 lies between 2048 and 2050: rounding the product first (1.5) changes nothing, rounding W twice
        // would.
        var lora = new LoraWeights(1, 1, [new("m.lora_A.weight", [1, 1], [1.5f]), new("m.lora_B.weight", [1, 1], [1])]);
        var path = Write("unet.safetensors", DType.F16, ("m.weight", [1, 1], [2048f]));
        using var unet = WeightFiles.Open(path);
        WeightMerger.Write(Path.Combine(_folder, "merged.safetensors"), unet, lora);
        using var file = SafetensorsFile.Open(Path.Combine(_folder, "merged.safetensors"));
        Assert.Equal([2050f], file.ReadSingles("m.weight"));
    }

    [Fact]
    public void Convolutions_and_shards_are_merged_too()
    {
        // A 3 x 3 LoCon branch: A [r, in, 3, 3], B [out, r, 1, 1].
        var (down, up) = (Random(2 * 3 * 9), Random(4 * 2));
        var lora = new LoraWeights(2, 2,
            [new("conv.lora_A.weight", [2, 3, 3, 3], down), new("conv.lora_B.weight", [4, 2, 1, 1], up)]);
        var weight = Random(4 * 27);
        Write("a.safetensors", DType.F32, ("conv.weight", [4, 3, 3, 3], weight));
        Write("b.safetensors", DType.F32, ("other.weight", [2, 2], Random(4)));
        var index = Path.Combine(_folder, "unet.safetensors.index.json");
        File.WriteAllText(index,
            """{"metadata": {}, "weight_map": {"conv.weight": "a.safetensors", "other.weight": "b.safetensors"}}""");
        using var unet = WeightFiles.Open(index);
        WeightMerger.Write(Path.Combine(_folder, "merged.safetensors"), unet, lora);
        using var file = SafetensorsFile.Open(Path.Combine(_folder, "merged.safetensors"));
        Assert.Equal([4L, 3, 3, 3], file.Tensors["conv.weight"].Shape);
        var found = file.ReadSingles("conv.weight");
        for (var i = 0; i < found.Length; i++)
        {
            Assert.Equal(weight[i] + Enumerable.Range(0, 2).Sum(k => (double)up[i / 27 * 2 + k] * down[k * 27 + i % 27]),
                found[i], 1e-5);
        }
    }

    [Fact]
    public void All_modules_of_another_model_are_named_and_nothing_is_written()
    {
        var path = Write("unet.safetensors", DType.F32, (Examples.Query + ".weight", [7, 6], Random(42)));
        using var unet = WeightFiles.Open(path);
        var error = Assert.Throws<LoraShapeException>(() =>
            WeightMerger.Write(Path.Combine(_folder, "merged.safetensors"), unet, Examples.Random(1)));
        Assert.Contains("has weights [7, 6], the adapter is for 7 outputs and 5 inputs", error.Message);
        Assert.Contains(Examples.Output, error.Message);
        Assert.Single(Directory.GetFiles(_folder));
    }

    private static float[] Random(int count)
    {
        var random = new DeterministicRandom((ulong)count);
        return [.. Enumerable.Range(0, count).Select(_ => (float)random.NextGaussian())];
    }

    private string Write(string name, DType dtype, params (string Key, int[] Shape, float[] Values)[] tensors)
    {
        var path = Path.Combine(_folder, name);
        SafetensorsWriter.Write(path, tensors.Select(t => LoraExport.Tensor(t.Key, t.Shape, t.Values, dtype)));
        return path;
    }
}
