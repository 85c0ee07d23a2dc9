using AlignProp.Adapters;
using AlignProp.Messages;
using AlignProp.Messages.Configuration;
using AlignProp.Models.Denoisers.UNet;
using AlignProp.Models.Latents;
using AlignProp.Models.Lora;
using AlignProp.Models.Rewards;
using AlignProp.Models.Samplers;
using AlignProp.Models.Text;
using AlignProp.Models.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace AlignProp.Models.Tests;

/// <summary>The published layouts, with small models of random weights: loaded, sampled from, aligned.</summary>
[Collection(FixtureCollection.Name)]
public sealed class ModelLoadingTests : IDisposable
{
    private static readonly string[] Prompts = ["a red cat!", "two dogs"];
    private static readonly string[] Targets = ["to_q", "to_k", "to_v", "to_out.0"];
    private const int Pixels = 16;

    private readonly string _folder = Directory.CreateTempSubdirectory("alignprop-models-").FullName;

    [Theory]
    [InlineData("sd1")]
    [InlineData("sd2")]
    [InlineData("sd2", false)]
    [InlineData("sdxl")]
    public void A_single_file_is_the_same_model_as_the_folder(string kind, bool whole = true)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        TinyModels.WriteFolder(_folder, kind);
        var file = Path.Combine(_folder, "all.safetensors");
        TinyModels.WriteSingleFile(_folder, kind, file, whole);
        using var fromFolder = StableDiffusion.Load(_folder, CPU);
        using var fromFile = StableDiffusion.Load(file, CPU,
            options: new StableDiffusionOptions(Path.Combine(_folder, "tokenizer")));
        Assert.Equal(((DdimSampler)fromFolder.Sampler).Config, ((DdimSampler)fromFile.Sampler).Config);
        Assert.Equal(Vae(fromFolder).Config.ScalingFactor, Vae(fromFile).Config.ScalingFactor);
        Assert.Equal(UNet(fromFolder).Config.Heads, UNet(fromFile).Config.Heads);
        var (one, other) = (Sample(fromFolder), Sample(fromFile));
        Assert.True(one.isfinite().all().item<bool>());
        Assert.Equal(0f, (one - other).abs().max().item<float>());
    }

    [Theory]
    [InlineData("sd1")]
    [InlineData("sd2")]
    [InlineData("sdxl")]
    public void An_alignment_step_gives_the_gradient_of_plain_autograd(string kind)
    {
        using var scope = NewDisposeScope();
        using var model = StableDiffusion.Load(TinyModels.WriteFolder(_folder, kind), CPU);
        using var lora = RandomLora(model);
        var (chain, noise) = Chain(model, 3);
        new AlignmentStep(model, new BrightnessReward())
            .Run(chain, noise, Prompts, new AlignmentLoss(), GradientPlan.LastSteps(2, 3));
        var explicitGradients = lora.Parameters.Select(p => p.Value.grad!.clone()).ToList();
        lora.ZeroGradients();

        var x = noise;
        for (var i = 0; i < 3; i++)
        {
            using var grad = set_grad_enabled(i >= 1);
            x = chain.Step(i, x);
        }
        (-new BrightnessReward().Score(model.Codec.Decode(x), Prompts).mean()).backward();
        Assert.True(explicitGradients.Sum(g => g.abs().sum().item<float>()) > 0);
        FixtureAgreement.CheckAll("AlignProp step", $"explicit against plain autograd, {kind}",
            explicitGradients.Zip(lora.Parameters, (g, p) => (g, p.Value.grad!)).ToList(), 1e-6);
    }

    [Fact]
    public void Sdxl_is_conditioned_on_two_encoders_pooled_text_and_sizes()
    {
        using var scope = NewDisposeScope();
        using var model = StableDiffusion.Load(TinyModels.WriteFolder(_folder, "sdxl"), CPU);
        var conditioning = model.Text.Encode(Prompts, 24, 32);
        Assert.Equal([2, 16, 128], conditioning.States.shape);
        Assert.Equal([2, 64], conditioning.Pooled!.shape);
        Assert.Equal([24f, 32, 0, 0, 24, 32], conditioning.Sizes![1].data<float>().ToArray());

        // The second encoder pads with "!" and reads one in a prompt as padding; the first does neither.
        var (first, second) = (((PromptEncoder)model.Text).Towers[0], ((PromptEncoder)model.Text).Towers[1]);
        Assert.Equal(first.Tokenizer.EosId, first.Tokenizer.PadId);
        Assert.NotEqual(second.Tokenizer.EosId, second.Tokenizer.PadId);
        Assert.Equal(second.Tokenizer.PadId, second.Tokenizer.Encode("cat!")[^1]);
        Assert.Contains((long)second.Tokenizer.PadId,
            second.Tokenizer.Encode("cat!").TakeWhile(id => id != second.Tokenizer.EosId));
        Assert.DoesNotContain((long)second.Tokenizer.PadId, first.Tokenizer.Encode("cat!"));

        var states = cat([Layer(first, "a red cat!"), Layer(second, "a red cat!")], -1);
        Assert.Equal(0f, (conditioning.States[0] - states[0]).abs().max().item<float>());

        var none = model.Text.EncodeNegative("", 2, 24, 32);
        Assert.Equal(0f, none.States.abs().sum().item<float>() + none.Pooled!.abs().sum().item<float>());
        Assert.NotEqual(0f, model.Text.EncodeNegative("blurry", 2, 24, 32).States.abs().sum().item<float>());

        static Tensor Layer(TextTower tower, string prompt)
        {
            // hidden_states[-2] of transformers: embeddings, first layer, second layer -> the first layer's output.
            var layers = new List<Tensor>();
            tower.Encoder.Encode(tensor(tower.Tokenizer.Encode(prompt)).unsqueeze(0),
                eachLayer: h => layers.Add(h.clone().MoveToOuterDisposeScope()));
            return layers[^2];
        }
    }

    [Fact]
    public void Pooled_text_and_sizes_change_the_prediction()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = StableDiffusion.Load(TinyModels.WriteFolder(_folder, "sdxl"), CPU);
        var (x, t, c) = (randn(2, 4, 8, 8), tensor(500L), model.Text.Encode(Prompts, Pixels, Pixels));
        var prediction = UNet(model).Predict(x, t, c);
        Assert.NotEqual(0f,
            (prediction - UNet(model).Predict(x, t, c with { Pooled = c.Pooled! * 2 })).abs().max().item<float>());
        Assert.NotEqual(0f, (prediction - UNet(model).Predict(x, t, c with { Sizes = c.Sizes! * 2 })).abs().max().item<float>());
        Assert.Throws<InvalidOperationException>(() => UNet(model).forward(x, t, c.States));
    }

    [Fact]
    public void The_half_precision_variant_is_found_and_loads_in_any_precision()
    {
        using var scope = NewDisposeScope();
        TinyModels.WriteFolder(_folder, "sdxl", ScalarType.Float16);
        using var single = StableDiffusion.Load(_folder, CPU);
        Assert.Equal(ScalarType.Float32, single.Denoiser.WeightType);
        using var half = StableDiffusion.Load(_folder, CPU, ScalarType.BFloat16);
        Assert.All(UNet(half).named_parameters(), p => Assert.Equal(ScalarType.BFloat16, p.parameter.dtype));
        Assert.Equal(ScalarType.Float32, Vae(half).WeightType);
    }

    /// <summary>Old merges leave out text_model., files made for v-prediction carry a key of that name.</summary>
    [Fact]
    public void Old_text_keys_and_marks_of_a_single_file_are_read_and_inspect_says_so()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        TinyModels.WriteFolder(_folder, "sd1");
        var (file, old) = (Path.Combine(_folder, "all.safetensors"), Path.Combine(_folder, "old.safetensors"));
        TinyModels.WriteSingleFile(_folder, "sd1", file);
        List<TensorData> Read()
        {
            using var weights = SafetensorsFile.Open(file);
            return [.. weights.Tensors.Values.Select(t => new TensorData(t.Name, t.DType, t.Shape,
                weights.Bytes(t.Name).ToArray()))];
        }
        SafetensorsWriter.Write(old,
            Read().Select(t => t with { Name = t.Name.Replace(".text_model.", ".", StringComparison.Ordinal) })
                .Append(new TensorData("v_pred", DType.F32, [0], Array.Empty<byte>())));
        var options = new StableDiffusionOptions(Path.Combine(_folder, "tokenizer"));
        using var published = StableDiffusion.Load(file, CPU, options: options);
        using var merged = StableDiffusion.Load(old, CPU, options: options);
        Assert.Equal("v_prediction", ((DdimSampler)merged.Sampler).Config.PredictionType);
        Assert.Equal(0f, (published.Text.Encode(Prompts, Pixels, Pixels).States
            - merged.Text.Encode(Prompts, Pixels, Pixels).States).abs().max().item<float>());
        var inspected = Adapters.Inspection.Inspector.Inspect(old);
        Assert.Empty(inspected.Problems);
        Assert.Equal("v_prediction (the file's key v_pred)", inspected.Facts.First(f => f.Key == "prediction type").Value);
    }

    [Fact]
    public void A_single_file_says_what_it_needs()
    {
        TinyModels.WriteFolder(_folder, "sd1");
        var file = Path.Combine(_folder, "all.safetensors");
        TinyModels.WriteSingleFile(_folder, "sd1", file);
        Assert.Contains("model.tokenizer", Assert.Throws<ModelFileException>(() => StableDiffusion.Load(file, CPU)).Message);
        var other = Path.Combine(_folder, "vae", "diffusion_pytorch_model.safetensors");
        Assert.Contains("single-file Stable Diffusion checkpoint",
            Assert.Throws<ModelFileException>(() => StableDiffusion.Load(other, CPU)).Message);
    }

    [Theory]
    [InlineData("unet/config.json", "\"cross_attention_dim\":64", "\"cross_attention_dim\":96", "text encoders' width 64")]
    [InlineData("unet/config.json", "\"layers_per_block\":1", "\"layers_per_block\":1,\"in_channels\":9", "in_channels = 9")]
    [InlineData("unet/config.json", "\"layers_per_block\":1", "\"layers_per_block\":1,\"num_class_embeds\":10",
        "num_class_embeds = 10")]
    [InlineData("unet/config.json", "\"layers_per_block\":1", "\"layers_per_block\":2",
        "missing: down_blocks.1.resnets.1.conv1.weight [128, 128, 3, 3]")]
    [InlineData("text_encoder/config.json", "\"hidden_act\":\"quick_gelu\"", "\"hidden_act\":\"relu\"", "hidden_act = relu")]
    [InlineData("vae/config.json", "\"layers_per_block\":1", "\"layers_per_block\":1,\"shift_factor\":0.1", "shift_factor")]
    public void A_folder_whose_parts_do_not_fit_is_refused(string file, string from, string to, string expected)
    {
        TinyModels.WriteFolder(_folder, "sd1");
        var path = Path.Combine(_folder, file);
        var text = File.ReadAllText(path);
        Assert.Contains(from, text);
        File.WriteAllText(path, text.Replace(from, to, StringComparison.Ordinal));
        Assert.Contains(expected, Assert.Throws<ModelFileException>(() => StableDiffusion.Load(_folder, CPU)).Message);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static LoraInjection RandomLora(TextToImage model)
    {
        var lora = LoraInjection.Attach(model.Denoiser, new LoraConfig { Rank = 2, Alpha = 2, Targets = Targets });
        using var noGrad = no_grad();
        manual_seed(3);
        foreach (var (_, parameter) in lora.Parameters)
        {
            parameter.normal_(0, 0.05);
        }
        return lora;
    }

    private static (DenoisingChain Chain, Tensor Noise) Chain(TextToImage model, int steps) =>
        (DenoisingChain.Of(model, new SamplingConfig { Steps = steps, GuidanceScale = 5, Height = Pixels, Width = Pixels },
            Prompts),
            SampleNoise.Initial([1, 2], model.LatentShape(Pixels, Pixels), CPU));

    private static UNet2DConditionModel UNet(TextToImage model) => (UNet2DConditionModel)model.Denoiser;

    private static AutoencoderKL Vae(TextToImage model) => ((LatentDecoder)model.Codec).Vae;

    private static Tensor Sample(TextToImage model)
    {
        var (chain, noise) = Chain(model, 2);
        return model.Codec.Decode(chain.Sample(noise)[^1]);
    }
}
