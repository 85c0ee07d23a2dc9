namespace AlignProp.Adapters.Tests;

public sealed class KohyaLoraFormatTests
{
    [Fact]
    public void Keys_alpha_and_metadata_are_those_other_tools_look_for()
    {
        using var file = SafetensorsFile.Parse(KohyaLoraFormat.Serialize(Examples.Random(1, rank: 3, alpha: 1.5)));
        const string query = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q";
        Assert.Equal([3L, 5L], file.Tensors[query + ".lora_down.weight"].Shape);
        Assert.Equal([7L, 3L], file.Tensors[query + ".lora_up.weight"].Shape);
        Assert.Equal([], file.Tensors[query + ".alpha"].Shape);
        Assert.Equal([1.5f], file.ReadSingles(query + ".alpha"));
        Assert.Contains("lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_out_0.lora_up.weight", file.Tensors.Keys);
        Assert.Equal(6, file.Tensors.Count);
        Assert.Equal("3", file.Metadata["ss_network_dim"]);
        Assert.Equal("1.5", file.Metadata["ss_network_alpha"]);
        Assert.Equal("networks.lora", file.Metadata["ss_network_module"]);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(2)]
    public void A_whole_UNets_adapter_comes_back_unchanged(double alpha)
    {
        var weights = new LoraWeights(4, alpha, Fixture.Nonzero().Tensors);
        using var file = SafetensorsFile.Parse(KohyaLoraFormat.Serialize(weights));
        Examples.AssertSame(weights, LoraFile.Import(file).Weights);
    }

    [Fact]
    public void The_format_is_recognised_by_its_content()
    {
        var path = Path.GetTempFileName();
        try
        {
            KohyaLoraFormat.Write(path, Fixture.Nonzero(),
                metadata: new Dictionary<string, string> { ["ss_base_model_version"] = "other" });
            Examples.AssertSame(Fixture.Nonzero(), LoraFile.Read(path));
            using var file = SafetensorsFile.Open(path);
            Assert.Equal("other", file.Metadata["ss_base_model_version"]);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Without_alpha_the_scale_is_one_and_unequal_alphas_are_folded()
    {
        var plain = Examples.Random(1, rank: 3);
        using var written = SafetensorsFile.Parse(KohyaLoraFormat.Serialize(plain));
        var tensors = written.Tensors.Values.Select(t =>
            new TensorData(t.Name, t.DType, t.Shape, written.Bytes(t.Name).ToArray())).ToList();

        using var without = SafetensorsFile.Parse(
            SafetensorsWriter.Serialize(tensors.Where(t => !t.Name.EndsWith(".alpha", StringComparison.Ordinal))));
        Examples.AssertSame(plain, LoraFile.Import(without).Weights);

        var unequal = tensors.Select(t => t.Name.Contains("mid_block", StringComparison.Ordinal)
            && t.Name.EndsWith(".alpha", StringComparison.Ordinal)
            ? TensorData.FromSingles(t.Name, [], [6]) : t);
        using var folded = SafetensorsFile.Parse(SafetensorsWriter.Serialize(unequal));
        var read = LoraFile.Import(folded).Weights;
        Assert.Equal(1, read.Scale);
        Assert.Equal(plain[LoraNames.Up(Examples.Query)].Values, read[LoraNames.Up(Examples.Query)].Values);
        Assert.Equal(plain[LoraNames.Up(Examples.Output)].Values.Select(x => 2 * x), read[LoraNames.Up(Examples.Output)].Values);
    }

    [Theory]
    [InlineData("down_blocks.2.attentions.1.transformer_blocks.0.ff.net.0.proj")]
    [InlineData("up_blocks.3.attentions.2.proj_in")]
    [InlineData("up_blocks.1.resnets.0.time_emb_proj")]
    [InlineData("down_blocks.0.downsamplers.0.conv")]
    [InlineData("mid_block.resnets.1.conv_shortcut")]
    [InlineData("time_embedding.linear_2")]
    [InlineData("conv_in")]
    public void Names_with_underscores_find_their_way_back(string module) =>
        Assert.Equal(module, UNetNames.Expand(module.Replace('.', '_')));

    [Theory]
    [InlineData("lora_unet_input_blocks_19_1_proj_in.lora_down.weight", "is the name of no module")]
    [InlineData("lora_unet_conv_in.hada_w1_a", "LoHa")]
    [InlineData("lora_unet_conv_in.lora_mid.weight", "needs both")]
    [InlineData("lora_unet_conv_in.dora_scale", "DoRA")]
    [InlineData("other_conv_in.lora_down.weight", "is the name of no module")]
    [InlineData("lora_unet_conv_in", "not a LoRA parameter")]
    [InlineData("lora_unet_.alpha", "not a LoRA parameter")]
    [InlineData("lora_unet_conv_in.lora_down.weight", "needs both")]
    [InlineData("lora_unet_conv_in.alpha", "is an alpha without matrices")]
    public void Foreign_keys_are_refused_by_name(string key, string reason)
    {
        using var file = SafetensorsFile.Parse(SafetensorsWriter.Serialize([TensorData.FromSingles(key, [1], [1])]));
        var error = Assert.Throws<LoraFormatException>(() => LoraFile.Import(file).Weights);
        Assert.Contains(reason, error.Message);
        Assert.Equal(key, error.Key);
    }

    [Fact]
    public void Text_encoder_keys_alone_are_no_adapter() =>
        Refused("adapt a text encoder",
            [TensorData.FromSingles("lora_te_text_model_encoder_layers_0_mlp_fc1.lora_down.weight", [1], [1])]);

    [Fact]
    public void Unequal_ranks_are_filled_up_with_zeros_and_scale_by_their_own()
    {
        // [r = 2] with alpha 1 and [r = 3] with alpha 3: scales 1/2 and 1.
        TensorData[] tensors =
        [
            TensorData.FromSingles("lora_unet_conv_in.lora_down.weight", [2, 2], [1, 2, 3, 4]),
            TensorData.FromSingles("lora_unet_conv_in.lora_up.weight", [2, 2], [5, 6, 7, 8]),
            TensorData.FromSingles("lora_unet_conv_in.alpha", [], [1]),
            TensorData.FromSingles("lora_unet_conv_out.lora_down.weight", [3, 1], [1, 2, 3]),
            TensorData.FromSingles("lora_unet_conv_out.lora_up.weight", [1, 3], [4, 5, 6]),
            TensorData.FromSingles("lora_unet_conv_out.alpha", [], [3]),
            TensorData.FromSingles("lora_te_text_model_encoder_layers_0_mlp_fc1.alpha", [], [3]),
        ];
        using var file = SafetensorsFile.Parse(SafetensorsWriter.Serialize(tensors));
        var imported = LoraFile.Import(file);
        Assert.Equal((3, 1.0), (imported.Weights.Rank, imported.Weights.Scale));
        Assert.Equal([1f, 2, 3, 4, 0, 0], imported.Weights[LoraNames.Down("conv_in")].Values);
        Assert.Equal([2.5f, 3, 0, 3.5f, 4, 0], imported.Weights[LoraNames.Up("conv_in")].Values);
        Assert.Equal([4f, 5, 6], imported.Weights[LoraNames.Up("conv_out")].Values);
        Assert.Equal((2, 3), (imported.Ranks["conv_in"], imported.Ranks["conv_out"]));
        Assert.Contains("1 keys adapt a text encoder", Assert.Single(imported.Notices));
    }

    [Fact]
    public void The_hashes_are_those_of_the_file_without_its_other_metadata()
    {
        // Large enough for the legacy hash's window at 1 MiB to hold numbers.
        var weights = LoraInitializer.Gaussian([new AdapterSite("unet", "conv_in", [70_000, 300_000])], 1, 3);
        using var file = SafetensorsFile.Parse(KohyaLoraFormat.Serialize(weights,
            metadata: new Dictionary<string, string> { ["modelspec.title"] = "a title" }));
        var plain = SafetensorsWriter.Serialize(
            file.Tensors.Values.Select(t => new TensorData(t.Name, t.DType, t.Shape, file.Bytes(t.Name).ToArray())),
            file.Metadata.Where(m => m.Key.StartsWith("ss_", StringComparison.Ordinal)).ToDictionary());
        var data = 8 + BitConverter.ToInt32(plain, 0);
        Assert.Equal(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(plain.AsSpan(data))),
            file.Metadata["sshs_model_hash"]);
        Assert.Equal(Convert.ToHexStringLower(
            System.Security.Cryptography.SHA256.HashData(plain.AsSpan(0x100000, 0x10000)))[..8],
            file.Metadata["sshs_legacy_hash"]);
    }

    [Fact]
    public void Shapes_that_do_not_fit_are_refused() =>
        Refused("not [r, in] and [out, r]", [
            TensorData.FromSingles("lora_unet_conv_in.lora_down.weight", [2, 1], new float[2]),
            TensorData.FromSingles("lora_unet_conv_in.lora_up.weight", [1, 3], new float[3]),
        ]);

    [Fact]
    public void A_module_without_a_kohya_name_is_not_written()
    {
        var weights = LoraInitializer.Gaussian([new AdapterSite("unet", "my_block.to_q", [2, 2])], 1, 1);
        Assert.Throws<LoraShapeException>(() => KohyaLoraFormat.Serialize(weights));
    }

    private static void Refused(string reason, IEnumerable<TensorData> tensors)
    {
        using var file = SafetensorsFile.Parse(SafetensorsWriter.Serialize(tensors));
        Assert.Contains(reason, Assert.Throws<LoraFormatException>(() => LoraFile.Import(file).Weights).Message);
    }
}
