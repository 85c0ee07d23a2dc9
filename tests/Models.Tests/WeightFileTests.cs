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
