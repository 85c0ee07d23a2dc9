namespace AlignProp.Adapters.Tests;

/// <summary>A file that does not say what it was written of is found out.</summary>
public sealed class ExportProofTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("alignprop-proof-").FullName;

    private static readonly LoraWeights Adapter = new(2, 3,
    [
        new LoraTensor("mid_block.attentions.0.transformer_blocks.0.attn1.to_q.lora_A.weight", [2, 3], [1, -2, 3, 4, 5, 6]),
        new LoraTensor("mid_block.attentions.0.transformer_blocks.0.attn1.to_q.lora_B.weight", [3, 2], [0.1f, 0.2f, 3, 4, 5, 6]),
    ]);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(DType.F32)]
    [InlineData(DType.F16)]
    [InlineData(DType.BF16)]
    public void Every_format_reads_back_as_it_was(DType dtype)
    {
        DiffusersLoraFormat.WriteWithStrength(In("header"), Adapter, null, dtype);
        DiffusersLoraFormat.WriteFolded(In("folded"), Adapter, dtype);
        KohyaLoraFormat.Write(In("kohya"), Adapter, dtype);
        foreach (var name in new[] { "header", "folded", "kohya" })
        {
            ExportProof.Require(In(name), Adapter, dtype);
        }
        DiffusersLoraFormat.Write(In("own"), Adapter);
        ExportProof.Require(In("own"), Adapter);
    }

    [Fact]
    public void Another_strength_other_values_and_a_branch_that_is_missing_are_named()
    {
        // As if the alpha were dropped: what is read back adds two thirds of what the adapter adds.
        DiffusersLoraFormat.WriteFolded(In("alpha"), new LoraWeights(2, 2, Adapter.Tensors));
        Assert.Contains("to_q.lora_B.weight': is another one when the file is read back", Refused("alpha"));
        DiffusersLoraFormat.WriteFolded(In("values"), Adapter.WithValues(
            Adapter.Tensors.Select(t => (t.Name, t.Values.Select(v => v * 1.01f).ToArray()))));
        Assert.Contains("to_q.lora_A.weight': is another one", Refused("values"));
        DiffusersLoraFormat.WriteFolded(In("missing"), new LoraWeights(2, 3,
            Adapter.Tensors.Select(t => t with { Name = t.Name.Replace("to_q", "to_k", StringComparison.Ordinal) })));
        Assert.Contains("to_q.lora_A.weight': is missing", Refused("missing"));
    }

    private string Refused(string name) =>
        Assert.Throws<LoraFormatException>(() => ExportProof.Require(In(name), Adapter)).Message;

    private string In(string name) => Path.Combine(_folder, name + ".safetensors");
}
