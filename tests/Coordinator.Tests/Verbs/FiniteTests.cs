using AlignProp.Adapters;
using AlignProp.Cli.Commands;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Tests.Verbs;

/// <summary>A NaN in a file: every verb that reads it says the file and the key, exit code 2, and writes nothing.</summary>
public sealed class FiniteTests : IDisposable
{
    private const string Key = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q.weight";

    private readonly string _folder = Directory.CreateTempSubdirectory("alignprop-nan-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task In_a_model_it_stops_train_inspect_and_export()
    {
        var model = BrokenModel();
        var runs = Path.Combine(_folder, "runs");
        await RefusedAsync(Key, "train", "--runs", runs, "--set", $"model.path={model}");
        Assert.False(Directory.Exists(runs));

        var adapter = Adapter(1);
        var merged = Path.Combine(_folder, "merged");
        await RefusedAsync(Key, "export", adapter, "--format", "merged", "--model", model, "--out", merged);
        Assert.False(Directory.Exists(merged));

        using var output = new StringWriter();
        await AlignPropCommand.InvokeAsync(["inspect", model], output, TextWriter.Null, false, CancellationToken.None);
        Assert.Contains($"'{Key}': holds NaN at [0, 0]", output.ToString());
    }

    [Theory]
    [InlineData("sample", "a cat", "--adapter", "FILE", "--out", "OUT")]
    [InlineData("evaluate", "FILE", "--out", "OUT")]
    [InlineData("mix", "FILE", "FILE", "--out", "OUT")]
    [InlineData("export", "FILE", "--out", "OUT")]
    [InlineData("compare", "FILE", "FILE", "--out", "OUT")]
    public async Task In_an_adapter_it_stops_every_verb(params string[] arguments)
    {
        var place = Path.Combine(_folder, "x.safetensors");
        await RefusedAsync("attn1_to_q.lora_up.weight': holds NaN", [.. arguments.Select(a =>
            a == "FILE" ? Adapter(float.NaN) : a == "OUT" ? place : a)]);
        Assert.False(File.Exists(place));
    }

    [Fact]
    public async Task In_an_adapter_it_stops_a_run_that_begins_with_it()
    {
        var runs = Path.Combine(_folder, "runs");
        await RefusedAsync("attn1_to_q.lora_up.weight': holds NaN", "train", "--runs", runs, "--set",
            $"lora.init={Adapter(float.NaN)}");
        Assert.False(Directory.Exists(runs));
    }

    private static async Task RefusedAsync(string expected, params string[] arguments)
    {
        using var error = new StringWriter();
        var code = await AlignPropCommand.InvokeAsync(arguments, TextWriter.Null, error, false, CancellationToken.None);
        Assert.Equal(2, code);
        Assert.Contains(expected, Assert.Single(error.ToString().TrimEnd().Split('\n')));
    }

    /// <summary>A kohya file of one module of the shipped model.</summary>
    private string Adapter(float value)
    {
        const string module = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q";
        var path = Path.Combine(_folder, "adapter.safetensors");
        SafetensorsWriter.Write(path,
        [
            TensorData.FromSingles(module + ".lora_down.weight", [1, 128], new float[128]),
            TensorData.FromSingles(module + ".lora_up.weight", [128, 1], [value, .. new float[127]]),
            TensorData.FromSingles(module + ".alpha", [], [1]),
        ]);
        return path;
    }

    /// <summary>The shipped model with one NaN in its UNet.</summary>
    private string BrokenModel()
    {
        var (from, to) = (ProjectFolder.Find("models/emoji-diffusion")!, Path.Combine(_folder, "model"));
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
        var unet = Path.Combine(to, "unet", "diffusion_pytorch_model.safetensors");
        using (var file = WeightFiles.Open(Path.Combine(from, "unet")))
        {
            SafetensorsWriter.Write(unet, file.Tensors.Values.Select(t =>
            {
                var bytes = file.Bytes(t.Name).ToArray();
                if (t.Name == Key)
                {
                    BitConverter.GetBytes((Half)float.NaN).CopyTo(bytes, 0);
                }
                return new TensorData(t.Name, t.DType, t.Shape, bytes);
            }).ToList(), new Dictionary<string, string> { ["format"] = "pt" });
        }
        return to;
    }
}
