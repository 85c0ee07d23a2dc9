using AlignProp.Adapters;
using AlignProp.Adapters.Planning;
using AlignProp.Coordinator.Configuration;
using AlignProp.Coordinator.Runs;
using AlignProp.Messages.Configuration;

namespace AlignProp.Coordinator.Tests;

/// <summary>A single-file checkpoint as model.path: looked at without torch.</summary>
public sealed class SingleFileModelTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("alignprop-single-").FullName;

    [Fact]
    public void Its_attention_gets_diffusers_names()
    {
        // One level with attention after a level without: input_blocks 1 | 2 (down) | 3, output_blocks 0, 1 | 2, 3.
        var path = Write("input_blocks.1.0.in_layers.0.weight", "input_blocks.2.0.op.weight",
            "input_blocks.3.0.in_layers.0.weight",
            "input_blocks.3.1.transformer_blocks.0.attn1.to_q.weight",
                "middle_block.1.transformer_blocks.0.attn2.to_out.0.weight",
                "output_blocks.1.1.transformer_blocks.0.attn1.to_v.weight");
        Assert.Equal(
            ["down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q",
                "mid_block.attentions.0.transformer_blocks.0.attn2.to_out.0",
                "up_blocks.0.attentions.1.transformer_blocks.0.attn1.to_v"],
            LoraLayoutReader.Read(path, ["to_q", "to_v", "to_out.0"]).Select(m => m.Module));
    }

    [Fact]
    public void It_needs_a_tokenizer()
    {
        var path = Write("input_blocks.1.0.in_layers.0.weight");
        IReadOnlyList<string> Problems(string? tokenizer) => ModelPlan.Of(path, new ModelOptions(tokenizer)).Problems;
        Assert.Contains(Problems(""), p => p.Contains("set model.tokenizer", StringComparison.Ordinal));
        Assert.Contains(Problems(_folder), p => p.StartsWith(Path.Combine(_folder, "vocab.json"), StringComparison.Ordinal));
        Assert.DoesNotContain(Problems(null), p => p.Contains("tokenizer", StringComparison.Ordinal));
        Assert.Throws<ConfigException>(() => ModelFolderCheck.Model(path, _folder));
    }

    [Fact]
    public void Another_file_is_refused()
    {
        var path = Path.Combine(_folder, "lora.safetensors");
        SafetensorsWriter.Write(path, [new TensorData("lora_A.weight", DType.F32, [1], new byte[4])]);
        Assert.Contains(LdmNames.UNetPrefix, Assert.Throws<ConfigException>(() => ModelFolderCheck.Model(path, _folder)).Message);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Write(params string[] unetKeys)
    {
        var path = Path.Combine(_folder, "model.safetensors");
        SafetensorsWriter.Write(path,
            unetKeys.Select(k => new TensorData(LdmNames.UNetPrefix + k, DType.F32, [2, 2], new byte[16]))
            .Append(new TensorData(LdmNames.VaePrefix + "post_quant_conv.weight", DType.F32, [1], new byte[4])));
        return path;
    }
}
