namespace AlignProp.Adapters.Tests;

/// <summary>A LoRA's strength, from wherever the tool that wrote it put it.</summary>
public sealed class StrengthTests : IDisposable
{
    private const int Rank = 4;
    private const string Kohya = "lora_unet_mid_block_attentions_0_proj_in";
    private const string Module = "mid_block.attentions.0.proj_in";

    private readonly string _folder = Directory.CreateTempSubdirectory("alignprop-strength-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    public static TheoryData<DType, string, double> Alphas => new()
    {
        { DType.F32, "00000040", 2 }, { DType.F64, "0000000000000040", 2 }, { DType.F16, "0040", 2 }, { DType.BF16, "0040", 2 },
        { DType.F8E4M3, "40", 2 }, { DType.F8E5M2, "40", 2 }, { DType.F8E4M3, "01", 0.001953125 }, { DType.F8E4M3, "7e", 448 },
        { DType.I64, "0200000000000000", 2 }, { DType.I32, "02000000", 2 }, { DType.I16, "0200", 2 }, { DType.I8, "02", 2 },
        { DType.U8, "02", 2 },
    };

    [Theory]
    [MemberData(nameof(Alphas))]
    public void An_alpha_may_be_of_any_type(DType dtype, string bytes, double alpha)
    {
        long[][] shapes = [[], [1], [1, 1]];
        foreach (var shape in shapes)
        {
            using var file = Kohyas([new TensorData(Kohya + ".alpha", dtype, shape, Convert.FromHexString(bytes))]);
            var imported = LoraFile.Import(file);
            Assert.Equal(alpha, imported.Weights.Alpha);
            Assert.Empty(imported.Notices);
        }
    }

    [Theory]
    [InlineData("lora_alpha", "2")]
    [InlineData("unet.lora_alpha", "2")]
    [InlineData("ss_network_alpha", "2.0")]
    [InlineData("network_alpha", "2")]
    [InlineData("ss_lora_alpha", "2")]
    [InlineData("alpha", "2")]
    [InlineData("network.linear_alpha", "2")]
    [InlineData("lora_adapter_metadata", """{"unet.lora_alpha": 2, "unet.r": 4}""")]
    [InlineData("lora_adapter_metadata", """{"lora_alpha": 2, "r": 4}""")]
    [InlineData("lora_adapter_metadata", """{"unet.lora_alpha": 7, "unet.alpha_pattern": {"proj_in": 2}}""")]
    [InlineData("lora_adapter_metadata", """{"unet.lora_alpha": 1, "unet.use_rslora": true}""")]
    [InlineData("adapter_config", """{"lora_alpha": 2, "r": 4, "peft_type": "LORA"}""")]
    [InlineData("lora_config", """{"unet": {"lora_alpha": 2}, "text_encoder": {"lora_alpha": 9}}""")]
    [InlineData("config", """{"network": {"type": "lora", "linear": 4, "linear_alpha": 2}, "ema": {"alpha": 0.9}}""")]
    public void A_header_may_say_it(string key, string value) => Assert.Equal(0.5, Header((key, value)).Weights.Scale);

    [Fact]
    public void Peft_settings_may_be_entries_of_the_header() =>
        Assert.Equal(1, Header(("lora_alpha", "2"), ("use_rslora", "True"), ("r", "4"), ("bias", "none")).Weights.Scale);

    [Fact]
    public void Alphas_beside_the_matrices_go_before_the_header()
    {
        using var file = Kohyas([TensorData.FromSingles(Kohya + ".alpha", [], [2])], new() { ["ss_network_alpha"] = "9" });
        Assert.Equal(2, LoraFile.Import(file).Weights.Alpha);
    }

    [Fact]
    public void A_number_of_the_header_is_said_to_be_taken() => Assert.Contains("ss_network_alpha",
        Assert.Single(Header(("ss_network_alpha", "2")).Notices));

    [Theory]
    [InlineData("ss_network_alpha", "None")]
    [InlineData("ss_network_dim", "8")]
    [InlineData("text_encoder.lora_alpha", "2")]
    [InlineData("ss_datasets", """{"prior_alpha": 2, "alpha": 3}""")]
    public void Where_nothing_says_it_the_rank_is_taken_and_that_is_said(string key, string value)
    {
        var imported = Header((key, value));
        Assert.Equal(1, imported.Weights.Scale);
        Assert.Contains("alpha = rank is taken", Assert.Single(imported.Notices));
    }

    [Theory]
    [InlineData("lora_alpha", "strong", "lora_alpha")]
    [InlineData("ss_network_alpha", "NaN", "ss_network_alpha")]
    [InlineData("lora_adapter_metadata", "{", "lora_adapter_metadata")]
    [InlineData("lora_adapter_metadata", """{"unet.lora_alpha": "x"}""", "unet.lora_alpha")]
    [InlineData("lora_adapter_metadata", """{"unet.r": 8, "unet.lora_alpha": 4}""", "unet.r")]
    [InlineData("lora_adapter_metadata", """{"unet.r": 4, "unet.rank_pattern": {"proj_in": 2}}""", "unet.rank_pattern")]
    public void What_cannot_be_understood_is_refused_by_name(string key, string value, string named) =>
        Assert.Contains(named, Assert.Throws<LoraFormatException>(() => Header((key, value))).Key);

    [Fact]
    public void Two_entries_that_disagree_are_refused()
    {
        var error = Assert.Throws<LoraFormatException>(() => Header(("network_alpha", "2"), ("ss_network_alpha", "4")));
        Assert.Contains("network_alpha says 2", error.Message);
    }

    [Fact]
    public void Convolutions_may_have_another_alpha_in_the_header()
    {
        TensorData[] tensors =
        [
            TensorData.FromSingles("lora_unet_conv_in.lora_down.weight", [Rank, 1, 3, 3], new float[Rank * 9]),
            TensorData.FromSingles("lora_unet_conv_in.lora_up.weight", [1, Rank, 1, 1], [1, 1, 1, 1]),
        ];
        using var file = Kohyas(tensors, new()
        {
            ["ss_network_alpha"] = "4",
            ["ss_network_args"] = """{"conv_dim": "4", "conv_alpha": "1"}""",
        });
        var weights = LoraFile.Import(file).Weights;
        Assert.Equal(1, weights.Scale);
        Assert.Equal([0.25f, 0.25f, 0.25f, 0.25f], weights[LoraNames.Up("conv_in")].Values);
    }

    [Fact]
    public void Where_only_convolutions_have_an_alpha_the_others_have_their_rank()
    {
        var imported = Header(("ss_conv_alpha", "1"));
        Assert.Equal(1, imported.Weights.Scale);
        Assert.Contains("alpha = rank is taken", Assert.Single(imported.Notices));
    }

    [Fact]
    public void The_configuration_beside_a_PEFT_file_holds_for_the_file_itself()
    {
        var weights = Examples.Random(3, rank: 4, alpha: 8);
        PeftLoraFormat.Write(_folder, weights, "x");
        var file = Path.Combine(_folder, PeftLoraFormat.FileName);
        Examples.AssertSame(weights, LoraFile.Read(file));
        Examples.AssertSame(weights, LoraFile.Read(_folder));

        var other = Path.Combine(_folder, "my-lora.safetensors");
        File.Move(file, other);
        Examples.AssertSame(weights, LoraFile.Read(other));

        // Away from its folder: a file of PEFT's own name is refused, another one is told to have no strength.
        File.Delete(Path.Combine(_folder, PeftLoraFormat.ConfigName));
        Assert.Contains("alpha = rank is taken", Assert.Single(LoraFile.Import(other).Notices));
        File.Move(other, file);
        Assert.Contains(PeftLoraFormat.ConfigName, Assert.Throws<LoraFormatException>(() => LoraFile.Read(file)).Message);
    }

    [Fact]
    public void A_configuration_beside_a_file_of_another_tool_says_nothing_of_it()
    {
        File.WriteAllText(Path.Combine(_folder, PeftLoraFormat.ConfigName),
            """{"peft_type": "LORA", "lora_alpha": 64, "r": 3}""");
        var path = Path.Combine(_folder, "kohya.safetensors");
        KohyaLoraFormat.Write(path, Examples.Random(1));
        Examples.AssertSame(Examples.Random(1), LoraFile.Read(path));
    }

    [Fact]
    public void A_file_of_this_project_is_held_against_the_model_too()
    {
        var sites = AdapterSites.Of("unet", [(Examples.Query, [7, 5]), (Examples.Output, [5, 12])]);
        using var file = SafetensorsFile.Parse(Examples.Random(1).Serialize(), "own");
        Assert.Contains("'" + LoraNames.Down(Examples.Output) + "': is 11 to 5, the layer's weights are [5, 12]",
            Assert.Throws<LoraFormatException>(() => LoraFile.Import(file, sites)).Message);
        Assert.Contains("the model has no mid_block", Assert.Throws<LoraFormatException>(() =>
            LoraFile.Import(file, AdapterSites.Of("unet", [(Examples.Query, [7, 5])]))).Message);
    }

    [Fact]
    public void An_alpha_below_zero_turns_the_branch_round()
    {
        using var file = Kohyas([TensorData.FromSingles(Kohya + ".alpha", [], [-2])]);
        var weights = LoraFile.Import(file).Weights;
        Assert.Equal(-0.5, weights.Scale * weights[LoraNames.Up(Module)].Values[0]);
    }

    [Fact]
    public void Extras_are_left_out_and_said_once()
    {
        using var file = Kohyas(
        [
            TensorData.FromSingles(Kohya + ".alpha", [], [2]),
            TensorData.FromSingles("bundle_emb.style.string_to_param.*", [1, 2], [1, 2]),
            TensorData.FromSingles("lora_te1_text_model_encoder_layers_0_mlp_fc1.alpha", [], [1]),
            TensorData.FromSingles("training_step", [], [500]),
            TensorData.FromSingles("vae.decoder.conv_in.lora_A.weight", [1, 1], [1]),
        ]);
        Assert.Equal(
        [
            "1 keys are no LoRA parameters and are left out: training_step",
            "1 keys adapt a text encoder and are left out: lora_te1_text_model_encoder_layers_0_mlp_fc1.alpha",
            "1 keys adapt a VAE and are left out: vae.decoder.conv_in.lora_A.weight",
            "1 keys hold embeddings and are left out: bundle_emb.style.string_to_param.*",
        ], LoraFile.Import(file).Notices);
    }

    private static ImportedLora Header(params (string Key, string Value)[] entries)
    {
        using var file = Kohyas([], entries.ToDictionary(e => e.Key, e => e.Value));
        return LoraFile.Import(file);
    }

    /// <summary>A pair of rank 4 whose B is ones.</summary>
    private static SafetensorsFile Kohyas(IEnumerable<TensorData> more, Dictionary<string, string>? metadata = null) =>
        SafetensorsFile.Parse(SafetensorsWriter.Serialize(
        [
            TensorData.FromSingles(Kohya + ".lora_down.weight", [Rank, 1], [1, 2, 3, 4]),
            TensorData.FromSingles(Kohya + ".lora_up.weight", [1, Rank], [1, 1, 1, 1]),
            .. more,
        ], metadata));
}
