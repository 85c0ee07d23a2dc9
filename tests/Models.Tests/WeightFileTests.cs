using AlignProp.Adapters;
using AlignProp.Adapters.Tests.Weights;
using AlignProp.Models.Rewards;
using static TorchSharp.torch;

namespace AlignProp.Models.Tests;

/// <summary>Modules filled from every kind of file.</summary>
[Collection(FixtureCollection.Name)]
public sealed class WeightFileTests : IDisposable
{
    private const int Features = 8;
    private static readonly int[] Widths = [Features, 1024, 128, 64, 16, 1];
    private static readonly int[] Layers = [0, 2, 4, 6, 7];

    private readonly string _folder = Directory.CreateTempSubdirectory("weight-file-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_published_pickle_fills_a_module_like_safetensors()
    {
        using var scope = NewDisposeScope();
        var tensors = Tensors();
        var (pickle, safetensors) = (Path.Combine(_folder, "head.pth"), Path.Combine(_folder, "head.safetensors"));
        File.WriteAllBytes(pickle,
            TorchWriter.StateDict([.. tensors.Select(t => (t.Name, "FloatStorage", t.Shape, t.Bytes.ToArray()))]));
        SafetensorsWriter.Write(safetensors, tensors);
        var (one, other) = (AestheticHead.Load(pickle, Features).named_parameters().ToList(),
            AestheticHead.Load(safetensors, Features).named_parameters().ToList());
        Assert.Equal(10, one.Count);
        Assert.All(one.Zip(other), pair =>
        {
            Assert.Equal(pair.First.name, pair.Second.name);
            Assert.True(pair.First.parameter.bytes.SequenceEqual(pair.Second.parameter.bytes));
            Assert.False(pair.First.parameter.requires_grad);
        });
        Assert.True(one[0].parameter.bytes.SequenceEqual(tensors.Single(t => t.Name == "layers.0.weight").Bytes.Span));
    }

    [Fact]
    public void Keys_that_do_not_fit_are_all_named_with_the_file()
    {
        using var scope = NewDisposeScope();
        var path = Path.Combine(_folder, "head.safetensors");
        SafetensorsWriter.Write(path,
            Tensors().Where(t => t.Name is not ("layers.0.bias" or "layers.7.weight"))
            .Select(t => t.Name == "layers.2.bias" ? t with { Shape = [64, 2] } : t));
        var error = Assert.Throws<ModelFileException>(() => AestheticHead.Load(path, Features)).Message;
        Assert.StartsWith($"{path} does not fit AestheticHead: 2 keys missing, 1 key of another shape", error);
        Assert.Contains("missing: layers.0.bias [1024]", error);
        Assert.Contains("missing: layers.4.weight [1, 16]", error);
        Assert.Contains("layers.2.bias has shape [64, 2], expected [128]", error);
    }

    [Theory]
    [InlineData("head.safetensors")]
    [InlineData("head.pth")]
    public void A_value_that_is_not_finite_is_refused_by_file_and_key(string name)
    {
        using var scope = NewDisposeScope();
        var path = Path.Combine(_folder, name);
        var infinite = Tensors().Select(t => t.Name == "layers.2.bias"
            ? TensorData.FromSingles(t.Name, t.Shape, [.. Enumerable.Repeat(0f, 127), float.NegativeInfinity]) : t).ToList();
        if (name.EndsWith(".pth", StringComparison.Ordinal))
        {
            File.WriteAllBytes(path,
                TorchWriter.StateDict([.. infinite.Select(t => (t.Name, "FloatStorage", t.Shape, t.Bytes.ToArray()))]));
        }
        else
        {
            SafetensorsWriter.Write(path, infinite);
        }
        Assert.Equal($"{path}: 'layers.2.bias': holds an infinity at [127] (1 of 128 values are not finite); expected finite "
            + "numbers", Assert.Throws<ModelFileException>(() => AestheticHead.Load(path, Features)).Message);
    }

    [Fact]
    public void Eight_bit_numbers_are_read_as_the_values_they_are()
    {
        using var scope = NewDisposeScope();
        var path = Path.Combine(_folder, "eight.safetensors");
        SafetensorsWriter.Write(path, [new TensorData("e4m3", DType.F8E4M3, [4], new byte[] { 0x38, 0xc0, 0x01, 0x7e }),
            new TensorData("e5m2", DType.F8E5M2, [2], new byte[] { 0x3c, 0xc0 })]);
        var read = Files.TensorFile.ReadAll(path);
        Assert.Equal([1f, -2f, 0.001953125f, 448f], read["e4m3"].data<float>().ToArray());
        Assert.Equal([1f, -2f], read["e5m2"].data<float>().ToArray());
    }

    [Fact]
    public void Damaged_and_missing_files_are_named()
    {
        using var scope = NewDisposeScope();
        var path = Path.Combine(_folder, "head.pth");
        Assert.Contains($"{path}: file not found",
            Assert.Throws<ModelFileException>(() => AestheticHead.Load(path, Features)).Message);
        File.WriteAllBytes(path, TorchWriter.Archive(new PickleBuilder().Global("os", "system").Stop()));
        Assert.Contains($"{path}: the pickle wants os.system, which is refused",
            Assert.Throws<ModelFileException>(() => AestheticHead.Load(path, Features)).Message);
    }

    private static List<TensorData> Tensors()
    {
        var random = new DeterministicRandom(3);
        return [.. Layers.SelectMany((layer, i) => new[]
        {
            TensorData.FromSingles($"layers.{layer}.weight", [Widths[i + 1], Widths[i]], Values(Widths[i + 1] * Widths[i])),
                TensorData.FromSingles($"layers.{layer}.bias", [Widths[i + 1]], Values(Widths[i + 1])),
        })];

        float[] Values(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)random.NextGaussian())];
    }
}
