using System.Text;

namespace AlignProp.Adapters.Tests.Weights;

/// <summary>Which file of a folder is taken, sharded indexes, and what is often found in a file's place.</summary>
public sealed class WeightFilesTests : IDisposable
{
    private const string Stem = "diffusion_pytorch_model";

    private readonly string _folder = Directory.CreateTempSubdirectory("weight-files-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void The_order_of_variants_is_fixed()
    {
        Assert.Equal(
            [$"{Stem}.safetensors", $"{Stem}.safetensors.index.json", $"{Stem}.fp16.safetensors",
                $"{Stem}.safetensors.index.fp16.json", $"{Stem}.bf16.safetensors", $"{Stem}.safetensors.index.bf16.json",
                $"{Stem}.bin", $"{Stem}.bin.index.json", $"{Stem}.fp16.bin"],
            WeightFiles.Candidates(Stem).Take(9));
        Assert.Equal([$"{Stem}.fp16.safetensors", $"{Stem}.safetensors.index.fp16.json", $"{Stem}.safetensors"],
            WeightFiles.Candidates(Stem, DType.F16).Take(3));
        Assert.Equal($"{Stem}.bf16.safetensors", WeightFiles.Candidates(Stem, DType.BF16).First());
        Assert.Contains("pytorch_model.bin", WeightFiles.Candidates("model"));
    }

    [Fact]
    public void A_folder_opens_its_first_variant_and_safetensors_come_before_pickles()
    {
        File.WriteAllBytes(At($"{Stem}.bin"), TorchWriter.StateDict(("pickle", "FloatStorage", [1], new byte[4])));
        Assert.Equal(["pickle"], Keys(_folder));
        Safetensors($"{Stem}.fp16.safetensors", "half");
        Assert.Equal(["half"], Keys(_folder));
        Safetensors($"{Stem}.safetensors", "full");
        Safetensors($"{Stem}.non_ema.safetensors", "non_ema");
        Assert.Equal(["full"], Keys(_folder));
        using var half = WeightFiles.Open(_folder, DType.F16);
        Assert.Equal(["half"], half.Tensors.Keys);
    }

    [Fact]
    public void Shards_are_one_file_whose_index_says_where_a_key_lies()
    {
        Safetensors("model-00001-of-00002.safetensors", "a", "both");
        File.WriteAllBytes(At("model-00002-of-00002.bin"),
            TorchWriter.StateDict(("b", "FloatStorage", [1], BitConverter.GetBytes(3f)),
            ("both", "FloatStorage", [1], BitConverter.GetBytes(4f))));
        File.WriteAllText(At("model.safetensors.index.json"), """
            {
              "metadata": {"total_size": 12},
              "weight_map": {
                "a": "model-00001-of-00002.safetensors",
                "b": "model-00002-of-00002.bin",
                "both": "model-00002-of-00002.bin"
              }
            }
            """);
        using var file = WeightFiles.Open(_folder);
        Assert.Equal(["a", "b", "both"], file.Tensors.Keys.Order());
        Assert.Equal([1f], file.ReadSingles("a"));
        Assert.Equal([4f], file.ReadSingles("both"));
        Assert.Equal(["model-00001-of-00002.safetensors", "model-00002-of-00002.bin"], file.Files.Select(Path.GetFileName));
        file.Release("both");
        Assert.Contains("'c'", Assert.Throws<WeightFileException>(() => file.ReadSingles("c")).Message);
    }

    [Theory]
    [InlineData("", "0 bytes are no index")]
    [InlineData("{", "not valid JSON")]
    [InlineData("[]", "expected a JSON object with weight_map")]
    [InlineData("""{"weight_map":{}}""", "weight_map is empty")]
    [InlineData("""{"weight_map":[]}""", "expected a JSON object with weight_map")]
    [InlineData("""{"weight_map":{"a":3}}""", "'a': weight_map holds 3, not the name of a file beside the index")]
    [InlineData("""{"weight_map":{"a":"../secret.safetensors"}}""", "not the name of a file beside the index")]
    [InlineData("""{"weight_map":{"a":"/etc/passwd"}}""", "not the name of a file beside the index")]
    [InlineData("""{"weight_map":{"a":"a\\b"}}""", "not the name of a file beside the index")]
    [InlineData("""{"weight_map":{"a":".."}}""", "not the name of a file beside the index")]
    [InlineData("""{"weight_map":{"a":"x.safetensors.index.json"}}""", "not the name of a file beside the index")]
    [InlineData("""{"weight_map":{"a":"there.safetensors","a":"there.safetensors"}}""", "'a': appears twice")]
    [InlineData("""{"weight_map":{"a":"no.safetensors","b":"there.safetensors","c":"nor.safetensors"}}""",
        "2 of 3 shards are not beside the index: no.safetensors, nor.safetensors")]
    [InlineData("""{"weight_map":{"a":"there.safetensors","x":"there.safetensors","y":"there.safetensors"}}""",
        "'x': is not in there.safetensors, where the index says it is (and 1 other keys)")]
    public void A_wrong_index_is_refused_with_the_reason(string json, string reason)
    {
        Safetensors("there.safetensors", "a");
        File.WriteAllText(At("wrong.safetensors.index.json"), json);
        var error = Assert.Throws<WeightFileException>(() => WeightFiles.Open(At("wrong.safetensors.index.json")));
        Assert.Contains(reason, error.Message);
    }

    [Theory]
    [InlineData("version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 3\n", "git lfs pull")]
    [InlineData("<!DOCTYPE html><html>Sign in</html>", "web page")]
    [InlineData("GGUF\u0003\0\0\0", "GGUF")]
    [InlineData("\u0089PNG\r\n\u001a\n", "is a picture")]
    [InlineData("weights", "7 bytes are too few for a safetensors file")]
    [InlineData("", "0 bytes are too few")]
    public void What_lies_in_a_files_place_is_told(string content, string reason)
    {
        File.WriteAllBytes(At("model.safetensors"), Encoding.Latin1.GetBytes(content));
        Assert.Contains(reason, Assert.ThrowsAny<WeightFileException>(() => WeightFiles.Open(_folder)).Message);
    }

    [Fact]
    public void A_folder_without_weights_and_a_missing_file_are_named()
    {
        Assert.Contains($"{_folder}: no weights in this folder",
            Assert.Throws<WeightFileException>(() => WeightFiles.Open(_folder)).Message);
        Assert.Contains($"expected {Stem}.safetensors",
            Assert.Throws<WeightFileException>(() => WeightFiles.Find(_folder, Stem)).Message);
        Assert.Throws<FileNotFoundException>(() => WeightFiles.Open(At("none.safetensors")));
    }

    [Fact]
    public void Escape_sequences_and_long_names_do_not_reach_the_message()
    {
        var error = Assert.Throws<WeightFileException>(() => ShardedName($"\u001b[2J\n{new string('x', 10_000)}"));
        Assert.True(error.Message.Length < 1000);
        Assert.DoesNotContain(error.Message, char.IsControl);
    }

    private static void ShardedName(string key) => throw new WeightFileException("file", key, key);

    private string At(string name) => Path.Combine(_folder, name);

    private static string[] Keys(string path)
    {
        using var file = WeightFiles.Open(path);
        return [.. file.Tensors.Keys];
    }

    private void Safetensors(string name, params string[] keys) =>
        SafetensorsWriter.Write(At(name), keys.Select(k => TensorData.FromSingles(k, [1], [1])));
}
