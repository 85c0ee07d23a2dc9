using System.Text.Json;

namespace AlignProp.Adapters.Tests;

/// <summary>Broken and misplaced LoRA files: each is refused by file and key, or read (tests/fixtures/formats/bad).</summary>
public sealed class BrokenLoraTests
{
    private sealed record Row(string File, string Model, string Must, string Key);

    private static readonly List<Row> Rows = JsonSerializer.Deserialize<List<Row>>(
        File.ReadAllText(Fixture.PathOf("formats", "bad", "expected.json")), JsonSerializerOptions.Web)!;

    /// <summary>All but the one for a transformer, which is not read here.</summary>
    public static TheoryData<string> Files => [.. Rows.Where(r => r.Model is "sd1" or "sdxl").Select(r => r.File)];

    [Theory]
    [MemberData(nameof(Files))]
    public void It_is_refused_by_file_and_key_or_read(string name)
    {
        var row = Rows.Single(r => r.File == name);
        var path = Path.TrimEndingDirectorySeparator(Fixture.PathOf("formats", "bad", name));
        if (row.Must != "refuse")
        {
            var imported = LoraFile.Import(path, TinyModel.Sites(row.Model));
            Assert.Equal(4, imported.Weights.Modules.Count());
            Assert.Equal(row.Must == "warn", imported.Notices.Any(n => n.Contains(row.Key, StringComparison.Ordinal)));
            return;
        }

        var error = Record.Exception(() => LoraFile.Import(path, TinyModel.Sites(row.Model)));
        Assert.True(error is LoraFormatException or WeightFileException, $"{error}");
        Assert.DoesNotContain('\n', error.Message);
        Assert.Contains(Path.GetFileName(path), error.Message);
        if (!row.Key.StartsWith('('))
        {
            // A key that is absent is told by its partner, and another key of the same fault is as good.
            var key = row.Key.Replace("header ", "", StringComparison.Ordinal);
            var near = name is "integer_weights.safetensors" or "rank_a_not_b.safetensors"
                || name.StartsWith("missing_", StringComparison.Ordinal);
            Assert.Contains(near ? key[..(key.IndexOf("attn1", StringComparison.Ordinal) + 8)] : key, error.Message);
        }
    }

    [Theory]
    [InlineData("shape_out.safetensors", "has 4 outputs")]
    [InlineData("shape_in.safetensors", "expected [2, 4]")]
    [InlineData("nan.safetensors", "holds NaN at [1, 0] (1 of 8 values are not finite); expected finite numbers")]
    [InlineData("inf.safetensors", "holds an infinity at [0, 1]")]
    [InlineData("flux_lora_for_sdxl.safetensors", "belongs to a LoRA for FLUX")]
    [InlineData("flux_kohya_lora_for_sdxl.safetensors", "belongs to a LoRA for FLUX")]
    [InlineData("sdxl_kohya_lora_for_sd1.safetensors", "the model has no down_blocks.2.attentions.1.transformer_blocks.1")]
    [InlineData("unknown_module.safetensors", "the model has no down_blocks.9, only down_blocks.0, 1, 2, 3")]
    [InlineData("missing_up.safetensors", "has no up (B) matrix beside it")]
    [InlineData("alpha_vector.safetensors", "has shape [2]; expected one number")]
    [InlineData("alpha_without_pair.safetensors", "'no_such_layer' is the name of no module")]
    [InlineData("integer_weights.safetensors", "is I64; expected F32, F16 or BF16")]
    [InlineData("header_rank_disagrees.safetensors", "says rank 4, the matrices of")]
    [InlineData("peft_rank_zero", "says rank 0")]
    [InlineData("peft_no_config", "adapter_config.json")]
    [InlineData("unet_instead_of_lora.safetensors", "expected pairs of lora_A and lora_B")]
    [InlineData("no_tensors.safetensors", "no tensors in the file")]
    public void The_reason_is_said(string name, string reason)
    {
        var row = Rows.Single(r => r.File.TrimEnd('/') == name);
        var error = Record.Exception(() =>
            LoraFile.Import(Fixture.PathOf("formats", "bad", name), TinyModel.Sites(row.Model)));
        Assert.Contains(reason, error!.Message);
    }
}
