using System.Text.Json;

namespace AlignProp.Adapters.Tests;

public sealed class PeftLoraFormatTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("alignprop-peft-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Config => Path.Combine(_folder, PeftLoraFormat.ConfigName);

    [Fact]
    public void The_configuration_has_the_fields_of_PEFT_in_order()
    {
        var weights = new LoraWeights(4, 2, Fixture.Nonzero().Tensors);
        PeftLoraFormat.Write(_folder, weights, "runwayml/stable-diffusion-v1-5", [.. weights.Modules]);
        using var json = JsonDocument.Parse(File.ReadAllBytes(Config));
        Assert.Equal(["alpha_pattern", "auto_mapping", "base_model_name_or_path", "bias", "fan_in_fan_out", "inference_mode",
            "init_lora_weights", "layers_pattern",
            "layers_to_transform", "loftq_config", "lora_alpha", "lora_dropout", "megatron_config", "megatron_core",
                "modules_to_save", "peft_type", "r", "rank_pattern",
            "revision", "target_modules", "task_type", "use_rslora"], json.RootElement.EnumerateObject().Select(p => p.Name));
        Assert.Equal((4, 2, "LORA"),
            (json.RootElement.GetProperty("r").GetInt32(), json.RootElement.GetProperty("lora_alpha").GetInt32(),
            json.RootElement.GetProperty("peft_type").GetString()));
        Assert.Equal(["to_k", "to_out.0", "to_q", "to_v"],
            json.RootElement.GetProperty("target_modules").EnumerateArray().Select(t => t.GetString()!));
        Assert.Equal("runwayml/stable-diffusion-v1-5", json.RootElement.GetProperty("base_model_name_or_path").GetString());
    }

    [Fact]
    public void Modules_are_named_one_by_one_where_endings_would_say_too_much()
    {
        var weights = Examples.Random(3);
        var config = PeftLoraFormat.Config(weights, "x",
            [Examples.Query, Examples.Output, "mid_block.attentions.0.transformer_blocks.0.attn1.to_q"]);
        Assert.Equal([Examples.Query, Examples.Output], config["target_modules"]!.AsArray().Select(t => t!.GetValue<string>()));
    }

    [Theory]
    [InlineData(DType.F32, 0)]
    [InlineData(DType.F16, 1e-2)]
    [InlineData(DType.BF16, 1e-1)]
    public void Alpha_and_precision_come_back(DType dtype, double tolerance)
    {
        var weights = Examples.Random(3, rank: 3, alpha: 1.7);
        PeftLoraFormat.Write(_folder, weights, "x", dtype: dtype);
        var back = LoraFile.Import(_folder).Weights;
        Assert.Equal(1.7, back.Alpha);
        Examples.AssertSameDelta(weights, back, tolerance);
    }

    [Fact]
    public void Patterns_of_rank_and_alpha_scale_their_modules()
    {
        PeftLoraFormat.Write(_folder, Examples.Random(3, rank: 4), "x");
        Edit(c => c.Replace("\"alpha_pattern\": {}", "\"alpha_pattern\": {\"mid_block\\\\..*\": 1}"));
        var back = LoraFile.Import(_folder).Weights;
        Assert.Equal(Examples.Random(3, rank: 4)[LoraNames.Up(Examples.Query)].Values, back[LoraNames.Up(Examples.Query)].Values);
        Assert.Equal(Examples.Random(3, rank: 4)[LoraNames.Up(Examples.Output)].Values.Select(v => v / 4),
            back[LoraNames.Up(Examples.Output)].Values);
    }

    [Theory]
    [InlineData("\"use_rslora\": false", "\"use_dora\": true", "use_dora': is true, which is not supported")]
    [InlineData("\"bias\": \"none\"", "\"bias\": \"all\"", "bias': is \"all\", which is not supported")]
    [InlineData("\"LORA\"", "\"IA3\"", "peft_type': is IA3, expected LORA")]
    [InlineData("\"lora_alpha\": 3", "\"lora_alpha\": \"three\"", "lora_alpha': is \"three\"; expected a number")]
    public void Other_settings_are_refused_by_name(string from, string to, string expected)
    {
        PeftLoraFormat.Write(_folder, Examples.Random(3), "x");
        Edit(c => c.Replace(from, to));
        Assert.Contains(expected, Assert.Throws<LoraFormatException>(() => LoraFile.Import(_folder)).Message);
    }

    [Fact]
    public void A_folder_without_an_adapter_says_what_was_expected()
    {
        Assert.Contains(PeftLoraFormat.ConfigName, Assert.Throws<WeightFileException>(() => LoraFile.Import(_folder)).Message);
        DiffusersLoraFormat.Write(Path.Combine(_folder, "named-otherwise.safetensors"), Examples.Random(3));
        Examples.AssertSame(Examples.Random(3), LoraFile.Import(_folder).Weights);
        DiffusersLoraFormat.Write(Path.Combine(_folder, DiffusersLoraFormat.FileName), Examples.Random(4));
        Examples.AssertSame(Examples.Random(4), LoraFile.Import(_folder).Weights);
    }

    private void Edit(Func<string, string> change)
    {
        var text = File.ReadAllText(Config);
        Assert.NotEqual(text, change(text));
        File.WriteAllText(Config, change(text));
    }
}
