using System.Security.Cryptography;
using AlignProp.Adapters;
using AlignProp.Cli.Commands;

namespace AlignProp.Coordinator.Tests.Takeaway;

public sealed class ExportTests : IDisposable
{
    private readonly FinishedRun _run = new(alpha: 3);

    public void Dispose() => _run.Dispose();

    [Theory]
    [InlineData("kohya")]
    [InlineData("peft")]
    [InlineData("diffusers")]
    public async Task A_folder_gives_the_runs_adapter_back_alpha_included(string format)
    {
        var folder = _run.In(format);
        await ExportAsync(FinishedRun.Id, "--format", format, "--out", folder, "--base-model", "some/model");
        Assert.Equal(_run.Adapter.Sha256, LoraFile.Read(folder).Sha256);
        Card(folder, format == "peft" ? "library_name: peft" : "library_name: diffusers");
        Assert.Contains("base_model: some/model", File.ReadAllText(Path.Combine(folder, "README.md")));
    }

    [Fact]
    public async Task Folded_has_the_scale_in_its_up_matrices()
    {
        var folder = _run.In("folded");
        await ExportAsync(FinishedRun.Id, "--format", "diffusers-folded", "--out", folder);
        var back = LoraFile.Read(folder);
        Assert.Equal((4, 1.0), (back.Rank, back.Scale));
        Assert.All(_run.Adapter.Tensors, t => Assert.Equal(
            LoraNames.Split(t.Name).IsDown ? t.Values : t.Values.Select(v => v * 0.75f), back[t.Name].Values));
        Assert.Equal(LoraFile.Read(_run.Run.Adapter).Sha256, back.Sha256);
        Card(folder, "load_lora_weights(\"folded\"");
    }

    [Theory]
    [InlineData("diffusers")]
    [InlineData("diffusers-folded")]
    [InlineData("peft")]
    [InlineData("kohya")]
    [InlineData("merged")]
    public async Task Every_snippet_says_the_type_of_every_part(string format)
    {
        var folder = _run.In(format);
        await ExportAsync(FinishedRun.Id, "--format", format, "--out", folder);
        var card = File.ReadAllLines(Path.Combine(folder, "README.md"));
        var loads = card.Where(l => l.Contains("from_pretrained(\"", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(loads);
        Assert.All(loads, l => Assert.Contains("torch_dtype=torch.float32", l));
        Assert.Contains("import torch", card);
        // alpha 3 at rank 4, where a version that overlooks the header takes 1.
        Assert.Equal(format == "diffusers", card.Any(l => l.Contains("1.333 times the strength", StringComparison.Ordinal)));
    }

    [Fact]
    public void The_shipped_models_say_the_type_they_are_loaded_in()
    {
        var models = AlignProp.Messages.Configuration.ProjectFolder.Find("models")!;
        Assert.All(new[] { "emoji-diffusion/text_encoder", "emoji-clip" }, part =>
        {
            using var config = System.Text.Json.JsonDocument.Parse(File.ReadAllBytes(Path.Combine(models, part, "config.json")));
            Assert.Equal("float32", config.RootElement.GetProperty("torch_dtype").GetString());
        });
    }

    [Fact]
    public async Task Merged_is_the_bases_unet_with_other_projections()
    {
        var folder = _run.In("merged");
        await ExportAsync(FinishedRun.Id, "--format", "merged", "--out", folder);
        var model = AlignProp.Messages.Configuration.ProjectFolder.Find("models/emoji-diffusion")!;
        Assert.Equal(File.ReadAllBytes(Path.Combine(model, "unet", "config.json")),
            File.ReadAllBytes(Path.Combine(folder, "config.json")));
        using var unet = WeightFiles.Open(Path.Combine(model, "unet"));
        using var merged = WeightFiles.Open(folder);
        Assert.Equal(unet.Tensors.Keys.Order(), merged.Tensors.Keys.Order());
        var changed = unet.Tensors.Values.Where(t => !unet.Bytes(t.Name).SequenceEqual(merged.Bytes(t.Name)))
            .Select(t => t.Name[..^".weight".Length]);
        Assert.Equal(_run.Adapter.Modules, changed.Order(StringComparer.Ordinal));
        Assert.All(unet.Tensors.Values, t => Assert.Equal(t.DType, merged.Tensors[t.Name].DType));
        Card(folder, "base_model_relation: finetune");
    }

    [Fact]
    public async Task A_file_of_another_tool_is_exported_without_a_run()
    {
        var file = _run.In("mine.safetensors");
        await ExportAsync(FinishedRun.Id, "--out", file, "--dtype", "fp16");
        using (var written = WeightFiles.Open(file))
        {
            Assert.Equal(DType.F16, written.Tensors.Values.First(t => t.Shape.Length == 2).DType);
            Assert.Equal("emoji-diffusion", written.Metadata["ss_base_model_version"]);
        }
        var folder = _run.In("again");
        await ExportAsync(file, "--format", "peft", "--out", folder);
        Assert.Equal(LoraFile.Read(file).Sha256, LoraFile.Read(folder).Sha256);
        Assert.Contains("## Limits", File.ReadAllText(Path.Combine(folder, "README.md")));
    }

    [Theory]
    [InlineData("no-such-run: no such run", "no-such-run")]
    [InlineData("--format lycoris: expected one of diffusers, diffusers-folded, peft, kohya, merged", FinishedRun.Id,
        "--format", "lycoris")]
    [InlineData("--dtype int8: expected one of fp32, fp16, bf16", FinishedRun.Id, "--dtype", "int8")]
    [InlineData("peft is a folder of files", FinishedRun.Id, "--format", "peft", "--out", "x.safetensors")]
    [InlineData("--model no/such: folder not found", FinishedRun.Id, "--model", "no/such")]
    public async Task Bad_input_is_one_line(string expected, params string[] arguments)
    {
        var (code, message) = await RunAsync(arguments);
        Assert.Equal(2, code);
        Assert.Contains(expected, message);
        Assert.Single(message.TrimEnd().Split('\n'));
    }

    [Fact]
    public async Task A_model_that_is_not_the_adapters_is_named_and_nothing_is_written()
    {
        var file = _run.In("other.safetensors");
        KohyaLoraFormat.Write(file,
            LoraInitializer.Gaussian(
            [new AdapterSite("unet", "down_blocks.7.attentions.0.transformer_blocks.0.attn1.to_q", [8, 8])], 2, 1));
        var (code, message) =
            await RunAsync([file, "--format", "merged", "--model", "models/emoji-diffusion", "--out", _run.In("merged")]);
        Assert.Equal(2, code);
        Assert.Contains("the model has no down_blocks.7", message);
        Assert.False(Directory.Exists(_run.In("merged")));
        Assert.Contains("--model is needed", (await RunAsync([file, "--format", "merged", "--out", _run.In("merged")])).Message);
    }

    private void Card(string folder, string expected)
    {
        var card = File.ReadAllText(Path.Combine(folder, "README.md"));
        Assert.StartsWith("---\nbase_model: ", card);
        Assert.Contains(expected, card);
        Assert.Contains("| 1 | 3.900 | 0.200 | 0.400 |", card);
        Assert.Contains($"`{_run.Adapter.Sha256}`", card);
        foreach (var file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Where(f => Path.GetFileName(f) != "README.md"))
        {
            Assert.Contains(
                $"| {Path.GetRelativePath(folder, file)} | {new FileInfo(file).Length} | "
                + $"`{Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(file)))}` |", card);
        }
        Assert.DoesNotContain(_run.Run.Folder, card);
        Assert.True(File.Exists(Path.Combine(folder, "images", "before-after.png"))
            && File.Exists(Path.Combine(folder, "images", "reward.png")));
    }

    private async Task ExportAsync(params string[] arguments)
    {
        var (code, message) = await RunAsync(arguments);
        Assert.True(code == 0, message);
    }

    private async Task<(int Code, string Message)> RunAsync(string[] arguments)
    {
        using var error = new StringWriter();
        var code = await AlignPropCommand.InvokeAsync(["export", .. arguments, "--runs", _run.Runs], TextWriter.Null, error,
            false, CancellationToken.None);
        return (code, error.ToString());
    }
}
