namespace AlignProp.Adapters.Tests;

public sealed class DiffusersLoraFormatTests
{
    [Theory]
    [InlineData("trl_saved")]
    [InlineData("main_branch_saved")]
    public void Files_of_the_reference_programs_hold_the_reference_weights(string folder)
    {
        var path = Fixture.PathOf("lora", folder, DiffusersLoraFormat.FileName);
        Examples.AssertSame(Fixture.Nonzero(), LoraFile.Read(path));
        Examples.AssertSame(Fixture.Nonzero(), LoraFile.Read(path));
    }

    [Fact]
    public void The_written_file_is_that_of_the_reference_byte_by_byte()
    {
        var reference = File.ReadAllBytes(Fixture.PathOf("lora", "trl_saved", DiffusersLoraFormat.FileName));
        Assert.Equal(reference, DiffusersLoraFormat.Serialize(Fixture.Nonzero()));
    }

    [Theory]
    [InlineData("unet.{0}.lora_A.weight", "unet.{0}.lora_B.weight")]
    [InlineData("unet.{0}.lora_A.default.weight", "unet.{0}.lora_B.default.weight")]
    [InlineData("base_model.model.{0}.lora_A.weight", "base_model.model.{0}.lora_B.weight")]
    [InlineData("{0}.lora_A.default_0.weight", "{0}.lora_B.default_0.weight")]
    [InlineData("unet.{0}.lora.down.weight", "unet.{0}.lora.up.weight")]
    public void Other_spellings_are_read(string down, string up)
    {
        var weights = Examples.Random(5);
        using var file = Spell(weights, down, up);
        Examples.AssertSame(weights, LoraFile.Import(file).Weights);
    }

    [Fact]
    public void A_scale_is_folded_into_the_up_matrices()
    {
        var weights = Examples.Random(6, rank: 3, alpha: 1.5);
        using var file = SafetensorsFile.Parse(DiffusersLoraFormat.Serialize(weights));
        var back = LoraFile.Import(file).Weights;
        Assert.Equal(1, back.Scale);
        Examples.AssertSameDelta(weights, back, 1e-6);
        Assert.Equal(weights.Tensors[0].Values, back.Tensors[0].Values);
    }

    [Theory]
    [InlineData(DType.F16, 1e-2)]
    [InlineData(DType.BF16, 1e-1)]
    public void Half_precision_files_round_to_nearest(DType dtype, double tolerance)
    {
        var weights = Examples.Random(6);
        using var file = SafetensorsFile.Parse(DiffusersLoraFormat.Serialize(weights, dtype));
        Assert.All(file.Tensors.Values, t => Assert.Equal(dtype, t.DType));
        Examples.AssertSameDelta(weights, LoraFile.Import(file).Weights, tolerance);
    }

    [Fact]
    public void Bfloat16_rounds_ties_to_even()
    {
        float[] values = [1 + 1 / 256f, 1 + 3 / 256f, 1 + 1 / 256f + 1e-6f, -1.5f];
        var tensor = LoraExport.Tensor("t", [4], values, DType.BF16);
        Assert.True(SingleConverter.TryConvert(DType.BF16, tensor.Bytes.Span, out var rounded));
        Assert.Equal([1f, 1 + 4 / 256f, 1 + 2 / 256f, -1.5f], rounded);
    }

    [Fact]
    public void Values_too_large_for_the_precision_are_refused_by_name()
    {
        var large = Examples.Random(1).Map(t => [.. t.Values.Select(_ => 1e5f)]);
        Assert.Contains("lora.down",
            Assert.Throws<NonFiniteException>(() => DiffusersLoraFormat.Serialize(large, DType.F16)).Message);
        Assert.Throws<ArgumentException>(() => DiffusersLoraFormat.Serialize(large, DType.I32));
    }

    [Fact]
    public void An_alpha_in_the_metadata_or_beside_the_matrices_is_honoured()
    {
        var weights = Examples.Random(7, rank: 3, alpha: 6);
        using var metadata = Spell(weights, "unet.{0}.lora_A.weight", "unet.{0}.lora_B.weight",
            new()
            {
                ["lora_adapter_metadata"] = """
                    {
                      "unet.r": 3, "unet.lora_alpha": 6, "unet.use_rslora": false, "unet.alpha_pattern": {},
                      "unet.use_dora": false
                    }
                    """,
            });
        Examples.AssertSame(weights, LoraFile.Import(metadata).Weights);

        var alphas = weights.Modules.Select(m => TensorData.FromSingles($"unet.{m}.alpha", [], [6]));
        using var beside = Spell(weights, "unet.{0}.lora.down.weight", "unet.{0}.lora.up.weight", null, alphas);
        Examples.AssertSame(weights, LoraFile.Import(beside).Weights);
    }

    [Fact]
    public void Patterns_and_rank_stabilised_scales_are_honoured()
    {
        var weights = Examples.Random(7, rank: 4);
        using var file = Spell(weights, "unet.{0}.lora_A.weight", "unet.{0}.lora_B.weight", new()
        {
            ["lora_adapter_metadata"] = """{"unet.r": 4, "unet.lora_alpha": 4, "unet.alpha_pattern": {"attn2.to_out.0": 8}}""",
        });
        var read = LoraFile.Import(file).Weights;
        Assert.Equal(weights[LoraNames.Up(Examples.Query)].Values, read[LoraNames.Up(Examples.Query)].Values);
        Assert.Equal(weights[LoraNames.Up(Examples.Output)].Values.Select(x => 2 * x),
            read[LoraNames.Up(Examples.Output)].Values);

        using var stabilised = Spell(weights, "unet.{0}.lora_A.weight", "unet.{0}.lora_B.weight",
            new() { ["lora_adapter_metadata"] = """{"unet.lora_alpha": 6, "unet.use_rslora": true}""" });
        Assert.Equal(6 / Math.Sqrt(4), LoraFile.Import(stabilised).Weights.Scale, 12);
    }

    [Fact]
    public void What_cannot_be_honoured_is_refused()
    {
        var weights = Examples.Random(7);
        using var dora = Spell(weights, "unet.{0}.lora_A.weight", "unet.{0}.lora_B.weight",
            new() { ["lora_adapter_metadata"] = """{"unet.use_dora": true}""" });
        Assert.Contains("use_dora", Assert.Throws<LoraFormatException>(() => LoraFile.Import(dora).Weights).Message);
        Refused("unet.x.lora_magnitude_vector", "DoRA");
        Refused("unet.x.to_q.lora.down.weight", "needs both");
        Refused("unet.x.to_q.weight", "not a LoRA parameter");
        using var empty = SafetensorsFile.Parse(SafetensorsWriter.Serialize([]));
        Assert.Throws<LoraFormatException>(() => LoraFile.Import(empty).Weights);
    }

    [Fact]
    public void Keys_of_a_text_encoder_are_left_out_and_told()
    {
        var weights = Examples.Random(7);
        TensorData[] text = [.. new[] { "text_encoder.b.lora_linear_layer.up.weight",
            "text_encoder.a.lora_linear_layer.down.weight" }.Select(k => TensorData.FromSingles(k, [1, 1], [1]))];
        using var file = Spell(weights, "unet.{0}.lora.down.weight", "unet.{0}.lora.up.weight", null, text);
        var imported = LoraFile.Import(file);
        Examples.AssertSame(weights, imported.Weights);
        Assert.Contains("text_encoder.a.lora_linear_layer.down.weight, text_encoder.b.lora_linear_layer.up.weight",
            imported.Notices[0]);
        Assert.Contains("2 keys adapt a text encoder and are left out", imported.Note("x"));

        using var only = SafetensorsFile.Parse(SafetensorsWriter.Serialize(text));
        Assert.Contains("2 keys adapt a text encoder",
            Assert.Throws<LoraFormatException>(() => LoraFile.Import(only).Weights).Message);
    }

    [Fact]
    public void All_foreign_keys_are_told_at_once()
    {
        using var file = SafetensorsFile.Parse(
            SafetensorsWriter.Serialize(new[] { "a.w1", "b.w2", "c.w3" }.Select(k => TensorData.FromSingles(k, [1], [1]))));
        var message = Assert.Throws<LoraFormatException>(() => LoraFile.Import(file).Weights).Message;
        Assert.All(new[] { "a.w1", "b.w2", "c.w3" }, key => Assert.Contains(key, message));
    }

    private static void Refused(string key, string reason)
    {
        using var file = SafetensorsFile.Parse(SafetensorsWriter.Serialize([TensorData.FromSingles(key, [1, 1], [1])]));
        var error = Assert.Throws<LoraFormatException>(() => LoraFile.Import(file).Weights);
        Assert.Contains(reason, error.Message);
        Assert.Equal(key, error.Key);
    }

    private static SafetensorsFile Spell(
        LoraWeights weights, string down, string up, Dictionary<string, string>? metadata = null,
            IEnumerable<TensorData>? more = null) =>
        SafetensorsFile.Parse(SafetensorsWriter.Serialize(LoraCodec.Tensors(weights).Select(t =>
        {
            var (module, isDown) = LoraNames.Split(t.Name);
            return t with { Name = string.Format(isDown ? down : up, module) };
        }).Concat(more ?? []), metadata));
}
