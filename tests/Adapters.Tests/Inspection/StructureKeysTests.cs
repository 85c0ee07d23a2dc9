using AlignProp.Adapters.Inspection;

namespace AlignProp.Adapters.Tests.Inspection;

/// <summary>Key lists written without torch, against files the reference libraries saved and the published totals.</summary>
public sealed class StructureKeysTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("structure-keys-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("unet", "diffusion_pytorch_model.safetensors")]
    [InlineData("vae", "diffusion_pytorch_model.safetensors")]
    [InlineData("clip_model", "model.safetensors")]
    [InlineData("clip_text", "model.safetensors")]
    public void They_are_those_of_files_saved_by_diffusers_and_transformers(string folder, string name)
    {
        var keys = StructureKeys.Of(JsonFacts.Load(Fixture.PathOf(folder, "config.json")))!;
        using var file = WeightFiles.Open(Fixture.PathOf(folder, name));
        var saved = file.Tensors.Where(t => !t.Key.EndsWith("position_ids", StringComparison.Ordinal)).ToDictionary(t => t.Key, t => t.Value.Shape);
        Assert.Equal(saved.Keys.Order(StringComparer.Ordinal), keys.Keys.Order(StringComparer.Ordinal));
        Assert.All(saved, t => Assert.Equal(t.Value, keys[t.Key]));
    }

    [Theory]
    [InlineData("""{"_class_name":"UNet2DConditionModel","cross_attention_dim":768}""", 686, 859_520_964)]
    [InlineData("""{"_class_name":"UNet2DConditionModel","cross_attention_dim":1024,"attention_head_dim":[5,10,20,20],"use_linear_projection":true}""", 686, 865_910_724)]
    [InlineData("""
        {"_class_name":"UNet2DConditionModel","block_out_channels":[320,640,1280],"down_block_types":["DownBlock2D","CrossAttnDownBlock2D","CrossAttnDownBlock2D"],
         "up_block_types":["CrossAttnUpBlock2D","CrossAttnUpBlock2D","UpBlock2D"],"transformer_layers_per_block":[1,2,10],"cross_attention_dim":2048,"use_linear_projection":true,
         "addition_embed_type":"text_time","projection_class_embeddings_input_dim":2816,"class_embed_type":null}
        """, 1680, 2_567_463_684)]
    [InlineData("""{"_class_name":"AutoencoderKL","block_out_channels":[128,256,512,512],"layers_per_block":2,"latent_channels":4}""", 248, 83_653_863)]
    [InlineData("""{"model_type":"clip_text_model","hidden_size":768,"intermediate_size":3072,"num_hidden_layers":12}""", 196, 123_060_480)]
    [InlineData("""{"model_type":"clip_text_model","hidden_size":1024,"intermediate_size":4096,"num_hidden_layers":23}""", 372, 340_387_840)]
    [InlineData("""{"model_type":"clip_text_model","architectures":["CLIPTextModelWithProjection"],"hidden_size":1280,"intermediate_size":5120,"num_hidden_layers":32,"projection_dim":1280}""", 517, 694_659_840)]
    [InlineData("""{"model_type":"clip","projection_dim":768,"text_config":{"hidden_size":768,"intermediate_size":3072},"vision_config":{"hidden_size":1024,"intermediate_size":4096,"num_hidden_layers":24,"patch_size":14}}""", 590, 427_616_513)]
    public void The_published_sizes_have_the_published_totals(string config, int tensors, long parameters)
    {
        var path = Path.Combine(_folder, "config.json");
        File.WriteAllText(path, config);
        var keys = StructureKeys.Of(JsonFacts.Load(path))!;
        Assert.Equal(tensors, keys.Count);
        Assert.Equal(parameters, keys.Values.Sum(shape => shape.Aggregate(1L, (a, b) => a * b)));
    }

    [Theory]
    [InlineData("""{"_class_name":"UNet2DConditionModel","class_embed_type":"timestep"}""")]
    [InlineData("""{"_class_name":"UNet2DConditionModel","block_out_channels":[]}""")]
    [InlineData("""{"_class_name":"UNet2DConditionModel","block_out_channels":"many"}""")]
    [InlineData("""{"_class_name":"UNet2DConditionModel","layers_per_block":2000000000}""")]
    [InlineData("""{"_class_name":"UNet2DConditionModel","down_block_types":["AttnDownBlock2D","DownBlock2D","DownBlock2D","DownBlock2D"]}""")]
    [InlineData("""{"_class_name":"AutoencoderKL","layers_per_block":-5}""")]
    [InlineData("""{"model_type":"clip_text_model","num_hidden_layers":2000000000}""")]
    [InlineData("""{"model_type":"clip"}""")]
    [InlineData("""{"_class_name":"Transformer2DModel"}""")]
    public void What_these_structures_do_not_have_is_not_guessed_at(string config)
    {
        var path = Path.Combine(_folder, "config.json");
        File.WriteAllText(path, config);
        Assert.Null(StructureKeys.Of(JsonFacts.Load(path)));
    }
}
