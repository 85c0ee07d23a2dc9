using System.Text;
using System.Text.Json;
using AlignProp.Adapters.Configurations;

namespace AlignProp.Adapters.Tests.Configurations;

/// <summary>
/// Every key of the reference libraries' own configuration classes (tests/fixtures/configs) is known: read, without effect here,
/// or refused by name with its value.
/// </summary>
public sealed class ConfigTablesTests
{
    /// <summary>Classes of diffusers' list that are another kind of network; the folder is refused by their name.</summary>
    private static readonly string[] OtherNetworks =
        ["SD3Transformer2DModel", "FluxTransformer2DModel", "Transformer2DModel", "AutoencoderTiny"];

    public static TheoryData<string, string, string> Tables => new()
    {
        { "diffusers_models.json", "UNet2DConditionModel", "unet" },
        { "diffusers_models.json", "AutoencoderKL", "vae" },
        { "transformers_configs.json", "CLIPTextConfig", "text" },
        { "transformers_configs.json", "CLIPVisionConfig", "vision" },
        { "transformers_configs.json", "CLIPConfig", "both" },
        { "peft_configs.json", "LoraConfig", "peft" },
    };

    [Theory]
    [MemberData(nameof(Tables))]
    public void No_key_of_the_class_falls_through_and_its_defaults_are_accepted(string file, string name, string table)
    {
        var json = JsonConfig.Parse(name, Encoding.UTF8.GetBytes(Class(file, name).GetRawText()));
        Assert.NotEmpty(json.Keys);
        Assert.Empty(Named(table).Problems(json));
        // A key made up, and every key that must have a certain value with another one.
        var odd = JsonConfig.Parse(name, "{\"made_up\": [1, 2]}"u8);
        Assert.Contains("name: made_up = [1,2] is not a key of", Assert.Single(Named(table).Problems(odd))
            .Replace(name, "name", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("unet")]
    [InlineData("vae")]
    [InlineData("text")]
    [InlineData("vision")]
    [InlineData("both")]
    [InlineData("scheduler")]
    public void The_keys_that_a_table_calls_used_are_those_that_are_read(string table)
    {
        const string Conditioned = """{"addition_embed_type":"text_time","addition_time_embed_dim":8,"num_class_embeds":5,"""
            + """ "time_embedding_dim":8, "projection_class_embeddings_input_dim":64}""";
        var json = JsonConfig.Parse(table, Encoding.UTF8.GetBytes(table == "unet" ? Conditioned : "{}"));
        object read = table switch
        {
            "unet" => UNetConfigReader.Read(json),
            "vae" => VaeConfig.Read(json),
            "text" => ClipTextConfig.Read(json),
            "vision" => ClipVisionConfig.Read(json),
            "both" => ClipConfig.Read(json),
            _ => SchedulerConfig.Read(json),
        };
        Assert.NotNull(read);
        var asked = json.Asked.Where(k => !k.StartsWith('_') && k is not "model_type").Order(StringComparer.Ordinal);
        Assert.Equal(Named(table).UsedKeys.Order(StringComparer.Ordinal), asked);
    }

    public static TheoryData<string> Schedulers =>
        [.. Root("diffusers_schedulers.json").EnumerateObject().Select(p => p.Name)];

    [Theory]
    [MemberData(nameof(Schedulers))]
    public void A_scheduler_is_read_with_its_own_defaults_or_refused_by_class(string name)
    {
        var defaults = Class("diffusers_schedulers.json", name).GetProperty("defaults");
        JsonConfig With(string rest) => JsonConfig.Parse("scheduler_config.json",
            Encoding.UTF8.GetBytes($$"""{"_class_name": "{{name}}"{{rest}}}"""));
        if (!SchedulerTable.Class.Names.Contains(name))
        {
            Assert.StartsWith($"scheduler_config.json: _class_name = {name} is not supported; expected DDIMScheduler, ",
                Assert.Throws<ModelFileException>(() => SchedulerConfig.Read(With(""))).Message);
            return;
        }
        // A file with every key of the class, and one with none, mean the same.
        var keys = string.Concat(defaults.EnumerateObject().Select(p => $", \"{p.Name}\": {p.Value.GetRawText()}"));
        Assert.All(defaults.EnumerateObject(), p => Assert.True(SchedulerTable.Class.Knows(p.Name), p.Name));
        Assert.Equal(SchedulerConfig.Read(With(keys)), SchedulerConfig.Read(With("")));
        // Each of them was once another class's default, and is forgotten.
        var unset = string.Join(", ", SchedulerTable.Class.UsedKeys.Append("trained_betas").Select(k => $"\"{k}\""));
        Assert.Equal(SchedulerConfig.Read(With("")),
            SchedulerConfig.Read(With($", \"beta_schedule\": \"sigmoid\", \"trained_betas\": [1], "
                + $"\"_use_default_values\": [{unset}]")));
    }

    [Fact]
    public void There_are_49_schedulers_and_each_has_a_verdict()
    {
        Assert.Equal(49, Schedulers.Count);
        Assert.Subset(Root("diffusers_schedulers.json").EnumerateObject().Select(p => p.Name).ToHashSet(),
            SchedulerTable.Class.Names.ToHashSet());
    }

    [Fact]
    public void Other_networks_of_the_list_are_refused_by_class()
    {
        var others = Root("diffusers_models.json").EnumerateObject().Select(p => p.Name)
            .Except(["UNet2DConditionModel", "AutoencoderKL"]).ToList();
        Assert.Equal(OtherNetworks, others);
        foreach (var name in others)
        {
            var json = JsonConfig.Parse("config.json", Encoding.UTF8.GetBytes($$"""{"_class_name": "{{name}}"}"""));
            Assert.Contains($"_class_name = {name}",
                Assert.Throws<ModelFileException>(() => UNetConfigReader.Read(json)).Message);
            Assert.Contains($"_class_name = {name}", Assert.Throws<ModelFileException>(() => VaeConfig.Read(json)).Message);
        }
        var t5 = JsonConfig.Parse("config.json",
            Encoding.UTF8.GetBytes(Class("transformers_configs.json", "T5Config").GetRawText()));
        Assert.Contains("model_type = t5", Assert.Throws<ModelFileException>(() => ClipTextConfig.ReadEncoder(t5)).Message);
    }

    public static TheoryData<string> Pipelines => [.. Root("diffusers_pipelines.json").EnumerateObject().Select(p => p.Name)];

    [Theory]
    [MemberData(nameof(Pipelines))]
    public void A_pipeline_is_read_part_by_part_or_refused_by_class(string name)
    {
        var parts = Class("diffusers_pipelines.json", name).GetProperty("parts").EnumerateArray()
            .Select(p => p.GetString()!).ToList();
        var json = JsonConfig.Parse("model_index.json", Encoding.UTF8.GetBytes($$"""{"_class_name": "{{name}}"}"""));
        if (PipelineTable.Class.Names.Contains(name))
        {
            Assert.All(parts, p => Assert.True(PipelineTable.Class.Knows(p), p));
            Assert.Empty(PipelineTable.Problems(json, ["unet"]));
            return;
        }
        Assert.StartsWith($"model_index.json: _class_name = {name} is not supported; expected StableDiffusionPipeline or",
            Assert.Single(PipelineTable.Problems(json, ["unet"])));
    }

    [Theory]
    [InlineData("unet", "[\"diffusers\", \"UNetMotionModel\"]", "unet = [\"diffusers\",\"UNetMotionModel\"]")]
    [InlineData("unet", "[null, null]", "unet = [null,null]")]
    [InlineData("unet", "[\"my_code\", \"UNet2DConditionModel\"]", "unet = [\"my_code\",\"UNet2DConditionModel\"]")]
    [InlineData("vae", "[\"diffusers\", \"AutoencoderTiny\"]", "vae = [\"diffusers\",\"AutoencoderTiny\"]")]
    [InlineData("text_encoder", "[\"transformers\", \"T5EncoderModel\"]", "text_encoder = [\"transformers\",\"T5EncoderModel\"]")]
    [InlineData("tokenizer", "[\"transformers\", \"ChatGLMTokenizer\"]", "tokenizer = [\"transformers\",\"ChatGLMTokenizer\"]")]
    [InlineData("scheduler", "[\"diffusers\", \"EDMEulerScheduler\"]", "scheduler = [\"diffusers\",\"EDMEulerScheduler\"]")]
    [InlineData("controlnet", "[\"diffusers\", \"ControlNetModel\"]", "controlnet = [\"diffusers\",\"ControlNetModel\"]")]
    public void A_part_of_another_class_is_refused(string part, string value, string expected)
    {
        var json = JsonConfig.Parse("model_index.json",
            Encoding.UTF8.GetBytes($$"""{"_class_name": "StableDiffusionPipeline", "{{part}}": {{value}}}"""));
        Assert.StartsWith($"model_index.json: {expected}", Assert.Single(PipelineTable.Problems(json, ["unet", "vae"])));
    }

    [Theory]
    [InlineData("latents_mean", "[-1.6, 2.2, 1.4, 0.4]", "latents_mean = [-1.6,2.2,1.4,0.4] is not supported; expected null")]
    [InlineData("latents_std", "{\"a\": 1}", "latents_std = {\"a\":1} is not supported; expected null")]
    [InlineData("shift_factor", "0.1", "shift_factor = 0.1 is not supported; expected null or 0")]
    [InlineData("use_quant_conv", "false", "use_quant_conv = false is not supported; expected true")]
    [InlineData("use_quant_conv", "null", "use_quant_conv = null is not supported; expected true")]
    [InlineData("act_fn", "\"re\\nlu\"", "act_fn = re?lu is not supported; expected silu or swish")]
    [InlineData("scaling_factor", "\"much\"", "scaling_factor = much, expected a number")]
    [InlineData("scaling_factor", "NaN", "scaling_factor = NaN, expected a number")]
    [InlineData("down_block_types", "7", "down_block_types = 7, expected a list of strings")]
    public void A_message_has_file_key_and_value_whatever_its_type(string key, string value, string expected)
    {
        var json = JsonConfig.Parse("vae/config.json", Encoding.UTF8.GetBytes($$"""{"{{key}}": {{value}}}"""));
        Assert.StartsWith($"vae/config.json: {expected}", Assert.Throws<ModelFileException>(() => VaeConfig.Read(json)).Message);
    }

    [Fact]
    public void A_long_value_is_shown_by_its_ends_and_their_number()
    {
        var betas = string.Join(", ", Enumerable.Repeat("0.1", 1000));
        var json = JsonConfig.Parse("scheduler_config.json", Encoding.UTF8.GetBytes($"{{\"trained_betas\": [{betas}]}}"));
        var message = Assert.Throws<ModelFileException>(() => SchedulerConfig.Read(json)).Message;
        Assert.StartsWith("scheduler_config.json: trained_betas = [0.1,0.1,", message);
        Assert.Contains(",0.1] (1000 values) is not supported; expected null", message);
        Assert.True(message.Length < 300, message);
    }

    private static ConfigClass Named(string table) => table switch
    {
        "unet" => UNetTable.Class,
        "vae" => VaeTable.Class,
        "text" => ClipTables.Text,
        "vision" => ClipTables.Vision,
        "both" => ClipTables.Both,
        "peft" => PeftTable.Class,
        _ => SchedulerTable.Class,
    };

    private static JsonElement Class(string file, string name) => Root(file).GetProperty(name);

    private static JsonElement Root(string file)
    {
        using var document = JsonDocument.Parse(PythonJson.Standard(File.ReadAllBytes(Fixture.PathOf("configs", file))));
        return document.RootElement.Clone();
    }
}
